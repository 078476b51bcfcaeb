# tilewright_arm64_program(name SOURCES a.cc b.c ... DEFINITIONS X=1 ... INCLUDES folder ...): a
# Linux program for 64-bit ARM beside this machine's tests, by Debian's cross compiler; its path is
# in ${name}_path. To be run by QEMU's user mode: ${QEMU_ARM64} -L ${ARM64_ROOT} PROGRAM.
find_program(ARM64_CC aarch64-linux-gnu-gcc REQUIRED)
find_program(ARM64_CXX aarch64-linux-gnu-g++ REQUIRED)
find_program(QEMU_ARM64 NAMES qemu-aarch64 qemu-aarch64-static REQUIRED)
set(ARM64_ROOT /usr/aarch64-linux-gnu)  # where Debian's libc6-arm64-cross lies

function(tilewright_arm64_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEFINITIONS;INCLUDES" ${ARGN})
  list(TRANSFORM ARG_DEFINITIONS PREPEND -D)
  list(TRANSFORM ARG_INCLUDES PREPEND -I)
  set(objects "")
  foreach(source IN LISTS ARG_SOURCES)
    cmake_path(ABSOLUTE_PATH source OUTPUT_VARIABLE path)
    cmake_path(GET path FILENAME stem)
    set(object ${CMAKE_BINARY_DIR}/arm64/${name}/${stem}.o)
    if(stem MATCHES "\\.c$")
      set(compiler ${ARM64_CC} -std=c99)
    else()
      set(compiler ${ARM64_CXX} -std=c++20)
    endif()
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/arm64/${name}
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${compiler} -O1 ${ARG_DEFINITIONS}
        -I${CMAKE_SOURCE_DIR} -I${CMAKE_SOURCE_DIR}/runtime/include ${ARG_INCLUDES}
        -MD -MF ${object}.d -MT ${object} -c ${path} -o ${object}
      DEPENDS ${path} DEPFILE ${object}.d
      COMMENT "Building ARM64 object ${stem}.o" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(program ${CMAKE_BINARY_DIR}/tests/${name})
  add_custom_command(OUTPUT ${program}
    COMMAND ${ARM64_CXX} ${objects} -o ${program} -static-libstdc++ -static-libgcc -pthread -ldl
    DEPENDS ${objects} COMMENT "Linking ARM64 program ${name}" VERBATIM)
  add_custom_target(${name} DEPENDS ${program})
  set(${name}_path ${program} PARENT_SCOPE)
endfunction()
