""
    "What is known to go wrong, and the tests (ctest names) that make it go wrong: see `matrix`."
    ""

#number, fault, what is expected, tests
    FAULTS =
        [
          (1, "worker killed (-9) during runs", "its trials go to another worker",
           ["FarmFaults.TrialsOfAKilledWorkerAreMeasuredByAnother"]),
          (2, "runner outlives its killed agent", "it dies with its parent; the folder goes",
           [
             "ChildTest.TakesItsOwnChildrenWithItWhenKilled",
             "WorkerFaults.AKilledWorkersFolderIsRemovedByTheNext"
           ]),
          (3, "worker stopped for longer than its lease",
           "goes on with other trials; late ones count once",
           ["ServerFaults.AWorkerThatStoodStillGoesOnAndNoTrialCountsTwice"]),
          (4, "worker killed between measuring and reporting", "the spool is sent by the next",
           [ "WorkerFaults.ReportsOfAKilledWorkerAreSentByTheNext", "SpoolTest.*" ]),
          (5, "report kept, its answer lost", "sent again, known as a duplicate",
           [
             "NetworkFaults.ConnectionsThatBreakAllTheTimeLoseNoReportAndCountNoneTwice",
             "DispatcherTest.TheSameReportAgainIsADuplicateAndAnotherOneAConflict"
           ]),
          (6, "the same attempt with other numbers", "refused, the first is kept",
           [
             "DispatcherTest.TheSameReportAgainIsADuplicateAndAnotherOneAConflict",
             "ServerTest.AReportIsIdempotentAndAnotherEpochsIsDiscarded"
           ]),
          (7, "one direction of the network stands still",
           "another worker takes over; it comes back",
           [ "Of/Partition.*/ReportsOnly", "Of/Partition.*/AnswersOnly" ]),
          (8, "half of the workers cut off",
           "the others go on; nothing counts twice", ["Of/Partition.*/BothDirections"]),
          (9, "connections reset every 300 ms", "slower, nothing lost",
           ["NetworkFaults.ConnectionsThatBreakAllTheTimeLoseNoReportAndCountNoneTwice"]),
          (10, "connections stopped one by one, restored in any order", "nothing lost",
           ["NetworkFaults.WorkersThatStandStillOneByOneComeBackInAnyOrderAndLoseNothing"]),
          (11, "server killed (-9) under load",
           "every acknowledged record is there once; ready soon",
           [
             "KillServer.KeepsEveryAcknowledgedRecordAndItsJobs",
             "FarmFaults.ServersThatAreKilledGoOnWithTheirJobsAndClientsRideItOut"
           ]),
          (12, "server ends at each boundary of a commit", "whole or not there",
           [ "Every/DiskFault.*/PowerLoss", "KillNine.EveryAcknowledgedRecordIsThere" ]),
          (13, "power lost, writes torn",
           "what was acknowledged is there; the file is sound", ["Every/DiskFault.*/PowerLoss"]),
          (14, "1,000 workers come back at once",
           "no mass expiry", ["ServerTest.AThousandWorkersComeBackAtOnceAndNoneIsLost"]),
          (15, "the server's disk is full", "refused, not acknowledged; goes on when there is room",
           [
             "ServerFaults.AFullDiskCostsNoReportAndTheJobGoesOnWhenThereIsRoom",
             "Every/DiskFault.*/FullDisk*", "SeeingTest.HealthAndReflectionAnswer"
           ]),
          (16, "an output's disk is full", "a clear end, the old file stays whole",
           [
             "OutputFiles.AFailureLeavesTheOldFileWhole",
             "OutputFiles.AFullDiskLeavesTheOldFileWhole"
           ]),
          (17, "a sync fails once",
           "nothing more is acknowledged; the server ends, and the next has all that was",
           [
             "Every/DiskFault.*/SyncError*", "ServerTest.TellsOnceWhenItsStoreAcceptsNothingMore",
             "ServerFaults.AFailedSyncEndsTheServerAndTheNextHasAllThatWasAcknowledged",
             "GroupWriter.RefusesEverythingOnceTold"
           ]),
          (18, "a worker's disk is full", "it says so and takes no work; no trial is lost",
           [
             "WorkerFaults.AFullDiskIsSaidAtTheStartAndTheWorkerDoesNotServe",
             "WorkerFaults.ADiskThatIsFullForAWhileCostsNoTrial"
           ]),
          (19, "a kernel that never ends", "killed at its limit; a recorded time-out",
           [ "RunKernelTest.AHangIsKilledAtTheTimeLimit", "RunKernelTest.ProcessorTimeIsLimited" ]),
          (20, "a kernel that crashes or leaves", "a recorded crash with its signal",
           [
             "RunKernelTest.ASegmentationFaultIsACrash", "RunKernelTest.ACallOfExitIsACrash",
             "RunKernelTest.EveryDeathIsACrashThatNamesItsSignalOrExitCode"
           ]),
          (21, "a kernel that writes something else", "a recorded wrong result",
           [
             "RunKernelTest.AWrongElementIsFoundAndNamed",
             "RunKernelTest.AnElementThatIsNotWrittenIsWrong",
             "RunKernelTest.AKernelCannotForgeItsResult", "RunGuards.*"
           ]),
          (22, "a kernel that forks, opens, connects, allocates, floods", "it cannot; limits hold",
           [
             "RunKernelTest.AKernelCanNeitherOpenNorConnectNorStartNorLook",
             "RunKernelTest.MemoryIsLimited",
             "RunKernelTest.GarbageOnStandardOutputAndErrorIsIgnored"
           ]),
          (23, "a device's fault, then a good kernel", "a crash, then a result",
           [
             "DeviceRunnerTest.AKernelThatCrashesTheProcessIsACrashAndTheNextGetsAnother",
             "DeviceRunnerTest.AKernelThatNeverEndsIsATimeoutAndTheNextGetsAnother"
           ]),
          (24, "a device that becomes slow, or answers wrongly",
           "no work for it until it is well; what it measured since its last good test is revoked, "
           "and "
           "measured again",
           [
             "AgentTest.WhatASlotThatBecameSlowMeasuredIsWithdrawnAndMeasuredAgainOnceItIsWell",
             "PipelineTest.WhatASlotMeasuredSinceItsLastGoodCheckupIsSuspectOnceOneFails",
             "SuspectRecords.*", "SpoolTest.AWithdrawalIsKeptBesideTheResultThatItWithdraws",
             "AgentSelfTest.ARunnerThatFindsWrongResultsIsSaidAtOnce",
             "PipelineTest.ASlotFoundUnfitMeasuresNoMoreOnceTheOwnerPauses",
             "DispatcherTest.AWorkerThatSaysItIsBadGetsNothingUntilItSaysOtherwise"
           ]),
          (25, "a runner that cannot be killed",
           "the worker's fault, said and counted; others go on",
           [
             "ChildTest.OneThatCannotBeKilledIsSaidAndLeft",
             "ChildTest.OneThatDoesNotEndIsKilledWhenItsTimeIsOver"
           ]),
          (26, "the server's clock jumps by hours",
           "no lease notices", ["ServerFaults.AClockThatJumpsByHoursCostsNoLease"]),
          (27, "200 connections of nonsense",
           "a job beside them runs", ["ServerFaults.NonsenseOnThePortStopsNoJob"]),
          (28, "every method with every wrong role or certificate", "refused with the reason",
           [
             "MethodRoles.*", "TlsTest.*", "TlsProbe.*",
             "DispatcherTest.OnlyTheProcessThatLeasedAnAttemptMayReportIt"
           ]),
          (29, "damaged and hostile models", "refused with the reason, no crash",
           [ "ImportDamaged.*", "ImportErrors.*", "ExternalData.*", "Fuzz/Parser.*" ]),
          (30, "another protocol or schema, a second server, a taken name, times that are none",
           "refused",
           [
             "ServerTest.AnotherProtocolIsRefusedWithTheSideToUpgrade",
             "ServerFaults.ASecondServerOnTheSameRecordsEndsWithTheReason",
             "DispatcherTest.ALiveWorkersNameCannotBeTakenByAnotherProcess",
             "ServerTest.ATimingThatIsNoNumberIsRefused", "SqliteStore.RefusesANewerSchema",
             "DispatcherTest.FaultsInARowQuarantineAWorkerForLongerEachTime"
           ]),
          (31, "a builder, a runner or the server killed (-9) between build and run",
           "built again, run once", ["RolesFaults.*"]),
          (32, "a module that was changed, is garbage, or signed by a stranger",
           "refused before it is loaded; its builder's fault, no outcome",
           [
             "RefusedModules.OneWhoseBytesAreNotThoseThatWereSigned",
             "RefusedModules.OneThatAStrangerSigned",
             "RefusedModules.OneThatIsGarbageThoughItsBuilderSignedIt", "ModuleSeal.*"
           ]),
          (33, "a builder whose certificate is revoked while its module waits, or runs",
           "never handed out or run, no result of it counts; built again",
           [
             "RefusedModules.OneWhoseBuilderWasRevokedWhileItWaited",
             "DispatcherBuildsTest.*Revoked*"
           ]),
          (34, "a module that acts while it is loaded",
           "it cannot; a recorded crash", ["RunLoading.*"]),
          (35, "any operation on the records' files fails, once or from then on",
           "what was acknowledged is there; no half of a batch", ["Every/DiskFault.*"]),
          (36, "all at once, by chance, in 200 simulated farms of 50 workers",
           "nothing lost or twice; every job ends; fair; the same seed, the same story",
           [ "SimulatedFarms.KeepEveryPromiseWhateverFails", "Simulation.*" ]),
          (37, "a trial that takes every worker with it", "given up after the third",
           [
             "DispatcherTest.ATrialThatTakesThreeWorkersWithItFails",
             "DispatcherTest.ATrialThatFaultsEverywhereIsTheFarmsFaultAndNoOutcome"
           ]),
          (38, "server or worker killed (-9) while a whole network is timed",
           "timed again, decided once",
           [
             "NetworkPhase.AServerKilledInItRepeatsItWhenItStartsAgain",
             "NetworkPhase.AWorkerKilledInItIsReplacedByAnother"
           ]),
          (39, "the server of two killed (-9), or their database restarted",
           "the other goes on; nothing acknowledged is lost",
           [ "StandbyFaults.*", "test_record_stores" ]),
          (40, "interrupted (Ctrl-C, SIGTERM) in any wait", "ends at once, keeps what was measured",
           [
             "FarmFaults.AClientThatWaitsForAWorkerCanBeInterrupted",
             "FarmFaults.CtrlCKeepsWhatWasMeasuredAndTheSameCommandContinues",
             "PipelineTest.StoppingKillsWhatRunsAfterTheGraceAndReportsNothingOfIt",
             "RunKernelTest.AnInterruptEndsARun", "BuilderTest.AnInterruptEndsABuild"
           ]),
          (41, "a user with endless work beside one with a little", "both are served",
           [
             "DispatcherTest.UsersShareAKeyEvenlyHoweverManyJobsTheyHave",
             "DispatcherTest.AUserWhoComesAndGoesStarvesNobody"
           ]),
        ]

#number, what an earlier farm did, what is asserted now, tests
    DEFECTS = [
      ("L1", "a killed server forgot its jobs", "they go on by themselves, clients ride it out",
       [
         "FarmFaults.ServersThatAreKilledGoOnWithTheirJobsAndClientsRideItOut",
         "ServerTest.AServerThatIsStartedAgainGoesOnWithItsJobs"
       ]),
      ("L2", "a worker without its runner drained the queue", "said at its start, or a fault",
       [
         "WorkerFaults.AMissingRunnerIsSaidAtTheStartAndTheWorkerDoesNotServe",
         "AgentTest.AWorkerWhoseRunnerVanishesRecordsNothingAndGoesOnWhenItIsBack",
         "RunKernelTest.AMissingRunnerIsOurFaultNotTheKernels"
       ]),
      ("L3", "a full disk became outcomes, the job `done`", "faults; the job fails with the reason",
       [
         "WorkerFaults.ADiskThatStaysFullEndsAnEmbeddedTuneWithTheReason",
         "ServerTest.AJobWhoseEveryTrialFaultsFailsAndRecordsNothing",
         "BuilderTest.AFullDiskIsNoResult"
       ]),
      ("L4", "two workers of one name burnt each other's trials", "the second is refused",
       [
         "DispatcherTest.ALiveWorkersNameCannotBeTakenByAnotherProcess",
         "DispatcherTest.ANewSessionOfTheSameWorkerEndsTheOlderOne"
       ]),
      ("L5", "a client that waited for a worker could only be killed",
       "Ctrl-C ends it; a job may wait for its first worker",
       [
         "FarmFaults.AClientThatWaitsForAWorkerCanBeInterrupted",
         "FarmFaults.AJobWithoutAWorkerFailsByOptionAndNamesTheKeys",
         "SeeingTest.MetricsTellHowManyTrialsAreWantedBeforeTheFirstWorkerCame"
       ]),
      ("L6", "a time budget without a worker never ended",
       "it ends", ["ServerTest.ATimeBudgetEndsAlsoWithoutAWorker"]),
      ("L7", "a layout of nonsense aborted every worker", "refused where it comes in",
       [ "ParseWorkload.RefusesLayoutsThatAnOperatorHasNot", "Layout.RefusesMalformedNames" ]),
      ("L8", "an unknown attribute broke every export", "refused where it comes in",
       [
         "ParseWorkload.RefusesAttributesThatAnOperatorHasNot", "AutoTvmLog.RefusesWhatCouldHurt"
       ]),
      ("L9", "one stranger's target closed a key for everyone", "refused; others are served",
       [
         "ServerTest.AWorkerWithAForeignTargetIsRefused",
         "DispatcherTest.AStrangersTargetTakesNothingFromAKey"
       ]),
      ("L10", "5e-324 s was the best for ever", "no device can be so fast: refused",
       [
         "ServerTest.ATimingThatIsNoNumberIsRefused",
         "DeviceRunnerTest.AnImpossibleTimeIsTheMachinesFault"
       ]),
      ("L11", "foolish numbers, names and sizes were accepted", "each has its bound",
       [
         "ServerTest.FoolishJobsAreRefused", "ServerTest.AJobsIdIsAPlainNameWhateverTheModelsIs",
         "ParseWorkload.RefusesSizesBeyondTheLimit", "ParseWorkload.BoundsTheValuesOfAttributes",
         "Target.ErrorsListWhatIsKnown"
       ]),
      ("L12", "errors quoted texts of 100 kB", "in part only",
       [
         "Target.ErrorsQuoteLongTextsInPart", "Config.RefusesWhatIsNoEntityWithoutQuotingAllOfIt"
       ]),
      ("L13", "look-ups read the whole table",
       "they use indices; `bench-records-speed` has the times",
       [ "SqliteStore.BestUsesAnIndex", "FarmRecords.BestTasksAndHistoryAskForWhatTheyPrint" ]),
      ("L14", "a submit kept all workers waiting", "they are answered meanwhile",
       ["ServerTest.WorkersAreAnsweredWhileASubmissionWaitsForTheStore"]),
      ("L15", "`--records farm:` gave up at 256 MiB", "only what is asked for travels",
       [
         "FarmRecords.APackageIsTheSameAsFromTheFileAndTheLogStaysWhereItIs",
         "ServerTest.TheRecordsCanBeFetchedAsALogInPieces"
       ]),
      ("L16", "memory grew with every trial, for good",
       "events and curves are bounded; `bench/farm_load` has the bytes",
       [ "EventLog.*", "TuningCurves.OfALongJobAreThinnedAndReachItsEnd" ]),
      ("L17", "a killed worker's folder stayed", "the next removes it",
       [
         "WorkerFaults.AKilledWorkersFolderIsRemovedByTheNext",
         "PrivateFolder.OfAKilledProcessIsRemovedByTheNextAndALiveOneStays"
       ]),
      ("L18", "the server's log was one line",
       "workers, faults and jobs are in it, secrets are not",
       [ "SeeingTest.TheLogTellsOfWorkersFaultsAndJobsWithoutSecrets", "LogLine.*" ]),
      ("A2", "a worker's own failure was stored as a config's, for good", "a fault, never a record",
       [
         "AgentTest.AWorkerWhoseRunnerVanishesRecordsNothingAndGoesOnWhenItIsBack",
         "PipelineTest.WhatTheMachineCannotDoIsNoOutcome", "BuilderTest.AFullDiskIsNoResult",
         "BuilderTest.ABuilderThatIsNotThereIsNoResult",
         "RunKernelTest.ALostOrCutReferenceIsOurFaultNotTheKernels"
       ]),
      ("A3", "a worker that failed at once drained the queue", "faults in a row quarantine it",
       ["DispatcherTest.FaultsInARowQuarantineAWorkerForLongerEachTime"]),
      ("A4", "a passing failure of a reference stayed; a slow one held up others",
       "it is tried again; others go on",
       [
         "ReferencesTest.AFailureIsNotKept",
         "PipelineTest.AMissingReferenceIsNoOutcomeAndTheNextTrialTriesAgain",
         "PipelineTest.ASlowReferenceHoldsUpOnlyItsOwnTrials"
       ]),
      ("A5", "kernels were timed on hyper-thread siblings", "whole cores, their siblings idle",
       [ "CorePlan.*", "Topology.*" ]),
      ("A6", "look-ups mixed devices", "the device asked for first, others' are said",
       [
         "Lookup.TheDeviceAskedForComesBeforeFasterOnes",
         "Lookup.ADeviceWithoutARecordGetsAnothersAndItIsSaid"
       ]),
      ("A7", "two workers of one name livelocked a key", "the second is refused (L4)",
       ["DispatcherTest.ALiveWorkersNameCannotBeTakenByAnotherProcess"]),
      ("A8", "a worker's end raced with its threads",
       "it stops in order, also in the middle of work",
       [
         "AgentTest.AWorkerThatEndsAmidItsWorkLeavesNothingBehind",
         "PipelineTest.StoppingEndsABuildAndAReferenceUnderWay"
       ]),
      ("A9", "attempts of another life of the server were taken for the same",
       "they are others", ["PipelineTest.AttemptsOfAnotherLifeOfTheServerAreOthers"]),
      ("A10", "finite times whose sum is none aborted the server at export", "bounded",
       [
         "AutoTvmLog.TimesWhoseSumIsInfiniteAreWrittenWithoutHarmAndRefusedWhenRead",
         "ServerTest.ATimingThatIsNoNumberIsRefused"
       ]),
      ("A11", "one odd workload made every export fail",
       "refused where it comes in (L8)", ["ParseWorkload.RefusesAttributesThatAnOperatorHasNot"]),
      ("A12", "compiling from a farm fetched its whole log", "a call for what is asked (L15)",
       ["FarmRecords.APackageIsTheSameAsFromTheFileAndTheLogStaysWhereItIs"]),
      ("A13", "sessions could be guessed, reports came from anyone",
       "random; only the process that leased may report",
       [
         "ServerTest.ASessionsNameIsManyRandomDigits",
         "DispatcherTest.OnlyTheProcessThatLeasedAnAttemptMayReportIt"
       ]),
      ("A14", "submissions stalled the farm", "workers are answered meanwhile (L14)",
       ["ServerTest.WorkersAreAnsweredWhileASubmissionWaitsForTheStore"]),
      ("A15", "events and searchers without bound", "bounded (L16)", ["EventLog.*"]),
      ("A16", "a time budget without a worker never ended",
       "it ends (L6)", ["ServerTest.ATimeBudgetEndsAlsoWithoutAWorker"]),
      ("A23", "limits of containers were not seen", "the group's share of processors counts",
       [ "Cgroup.*", "CorePlan.TheGroupsProcessorTimeIsSharedOutSlotsFirst" ]),
      ("A24", "a worker took minutes to stop", "what runs is killed after a grace",
       ["PipelineTest.StoppingKillsWhatRunsAfterTheGraceAndReportsNothingOfIt"]),
      ("A25", "an answer that is none hung the builder's client",
       "no result, and said", ["BuilderTest.AnAnswerThatIsNoneIsNoResultAndDoesNotHang"]),
      ("A26", "a second server stole a unix socket",
       "refused while the first lives", ["ServerAddress.AUnixPathIsOneServersUntilItEnds"]),
      ("A28", "a kernel could forge its result",
       "it cannot", ["RunKernelTest.AKernelCannotForgeItsResult"]),
      ("A29", "kernels were hardly confined", "they can neither open, connect, start nor look",
       [ "RunKernelTest.AKernelCanNeitherOpenNorConnectNorStartNorLook", "RunLoading.*" ]),
      ("A30", "killed builders left files", "the next removes them (L17)",
       ["PrivateFolder.OfAKilledProcessIsRemovedByTheNextAndALiveOneStays"]),
      ("A31", "texts were cut inside a character, which lost the report",
       "cut between characters", ["FailureMessage.IsCutBetweenCharactersSoThatItsReportIsRead"]),
      ("A35", "an error of the library that ranks ended the server",
       "a search without its opinion", ["XgboostModel.RowsThatTheLibraryRefusesScoreEqual"]),
      ("A36", "every name that begins with 127. was loopback",
       "addresses only", ["ServerAddress.OnlyLoopbackAndUnixSocketsAreLocal"]),
    ]
