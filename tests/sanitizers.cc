// What the sanitizers overlook, linked into every test: reports on libraries of Debian that are
// built without a sanitizer and are not ours to mend. Nothing of this tree may be named here.

extern "C" const char* __tsan_default_suppressions() {
  // These synchronise by atomics and locks of their own code, which is not instrumented, so that
  // what they hand from thread to thread looks unordered.
  return "called_from_lib:libgrpc.so\n"
         "called_from_lib:libgrpc++.so\n"
         "called_from_lib:libxgboost.so\n"
         "called_from_lib:libgomp.so\n";
}

extern "C" const char* __lsan_default_suppressions() {
  // What these keep until the process ends.
  return "leak:libpocl.so\n"
         "leak:libLLVM-15.so\n"  // which PoCL compiles with
         "leak:libcares.so\n";
}
