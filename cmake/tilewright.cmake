# tilewright_library(name SOURCES a.cc ... DEPENDS lib ...): one static library per folder, with the
# project's warnings; includes are written from the project's root.
function(tilewright_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wno-missing-field-initializers)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
endfunction()

# tilewright_catalog(target out_inc [APART] FILES...): writes `ENTRY(stem)` for each file, sorted,
# so that a folder's catalog.cc can expand it. One file in the folder is one entry; nothing
# registers itself. APART: entries have helpers of the same names, so a unity build compiles each
# by itself.
function(tilewright_catalog target inc)
  cmake_parse_arguments(ARG "APART" "" "" ${ARGN})
  set(text "")
  set(files ${ARG_UNPARSED_ARGUMENTS})
  if(ARG_APART)
    set_source_files_properties(${files} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
  list(SORT files)
  foreach(file IN LISTS files)
    get_filename_component(stem ${file} NAME_WE)
    string(APPEND text "ENTRY(${stem})\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/${inc} CONTENT "${text}")
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()

# tilewright_test(name SOURCES ... DEPENDS ... [LABEL slow] [THREADED] [TIMEOUT s]
#                 [PROGRAMS program ...] [WHOLE]): a GoogleTest program, each of its tests a ctest;
# WHOLE: all of it is one, because its tests share a costly start.
# Tests without the label slow are the fast ones. PROGRAMS are built before; THREADED tests have the
# label threads too. What can be run with a sanitizer are the targets
#   address_tests  the fast tests
#   thread_tests   the fast and threaded ones
# both without those that start PROGRAMS: they run confined, with less address space than a
# sanitizer needs.
include(GoogleTest)
add_custom_target(address_tests)
add_custom_target(thread_tests)

function(tilewright_test name)
  cmake_parse_arguments(ARG "THREADED;WHOLE" "LABEL;TIMEOUT"
    "SOURCES;DEPENDS;PROGRAMS;PROPERTIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(TILEWRIGHT_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")  # sanitized code is several times slower
  endif()
  if(NOT ARG_LABEL)
    set(ARG_LABEL fast)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # What is tested is optimised, its tests need not be: they compile in half the time.
  target_compile_options(${name} PRIVATE -O0)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wno-missing-field-initializers)
  target_include_directories(${name} PRIVATE ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  set(labels ${ARG_LABEL})
  if(ARG_THREADED)
    set(labels "threads-${ARG_LABEL}")  # found by both words
  endif()
  if(ARG_PROGRAMS)
    add_dependencies(${name} ${ARG_PROGRAMS})
  elseif(ARG_LABEL STREQUAL fast)
    add_dependencies(address_tests ${name})
    if(ARG_THREADED)
      add_dependencies(thread_tests ${name})
    endif()
  endif()
  if(TILEWRIGHT_SANITIZE)
    target_link_libraries(${name} PRIVATE tilewright_sanitizers)
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${labels}
      ${ARG_PROPERTIES})
    return()
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${labels} ${ARG_PROPERTIES})
endfunction()
