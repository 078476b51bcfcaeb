# What `cmake --install` lays down, and `cpack -G DEB` and `cpack -G TXZ` of it. Every place is
# relative to the prefix and programs find each other beside themselves: the tree can be moved.
# The DEB names the libraries that it needs; the TXZ brings them, so that it runs on any Linux of
# this architecture whose C library is as new as the one it was built with.
set(programs tilewright tilewright-builder tilewright-device-runner tilewright-network-runner
  tilewright-operators tilewright-run tilewright-runner)
# DT_RPATH, not DT_RUNPATH: what a program loads looks for its own libraries there, too. Where the
# folder is missing, the system's are found as ever.
set(gpu_programs bench-gpu-builds bench-gpu-verify)  # what bench/gpu runs
foreach(program IN LISTS programs gpu_programs)
  set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
  target_link_options(${program} PRIVATE LINKER:--disable-new-dtags)
endforeach()
install(TARGETS ${programs} RUNTIME_DEPENDENCY_SET tilewright_libraries RUNTIME DESTINATION bin)
# All but the C library's own: drivers of devices are loaded from the machine, and they need its.
install(RUNTIME_DEPENDENCY_SET tilewright_libraries
  PRE_EXCLUDE_REGEXES
    "^(ld-linux-|linux-vdso)"
    "^lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|nsl|BrokenLocale|thread_db|nss_.*)[.]so"
  LIBRARY DESTINATION lib COMPONENT bundled EXCLUDE_FROM_ALL)
install(TARGETS ${gpu_programs}
  RUNTIME DESTINATION bin COMPONENT bundled EXCLUDE_FROM_ALL)
install(PROGRAMS bench/gpu DESTINATION bench COMPONENT bundled EXCLUDE_FROM_ALL)
install(DIRECTORY bench/support DESTINATION bench COMPONENT bundled EXCLUDE_FROM_ALL
  FILES_MATCHING PATTERN "gpu_*.py")
install(TARGETS tilewright-canary LIBRARY DESTINATION bin)

# The runtime for those who link it: find_package(Tilewright), target Tilewright::Tilewright.
set_target_properties(tilewright_shared PROPERTIES EXPORT_NAME Tilewright)
install(TARGETS tilewright_shared EXPORT TilewrightTargets LIBRARY DESTINATION lib
  INCLUDES DESTINATION include)
install(FILES runtime/include/tilewright.h runtime/include/tilewright.hpp
  runtime/include/tilewright_operators.h DESTINATION include)
install(EXPORT TilewrightTargets NAMESPACE Tilewright:: DESTINATION lib/cmake/Tilewright)
include(CMakePackageConfigHelpers)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/TilewrightConfig.cmake
  CONTENT [[include(${CMAKE_CURRENT_LIST_DIR}/TilewrightTargets.cmake)
]] @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TilewrightConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/TilewrightConfig.cmake
  ${CMAKE_BINARY_DIR}/TilewrightConfigVersion.cmake DESTINATION lib/cmake/Tilewright)

# What the command says of itself, where shells and man look for it.
set(described "")
macro(tilewright_description form file folder)
  set(path ${CMAKE_BINARY_DIR}/described/${file})
  add_custom_command(OUTPUT ${path}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/described
    COMMAND tilewright completion ${form} > ${path} DEPENDS tilewright VERBATIM)
  list(APPEND described ${path})
  install(FILES ${path} DESTINATION ${folder})
endmacro()
tilewright_description(bash tilewright share/bash-completion/completions)
tilewright_description(zsh _tilewright share/zsh/vendor-completions)
tilewright_description(fish tilewright.fish share/fish/vendor_completions.d)
tilewright_description(man tilewright.1 share/man/man1)
add_custom_target(tilewright_described ALL DEPENDS ${described})
install(FILES LICENSE README.md DESTINATION share/doc/tilewright)

set(CPACK_PACKAGE_CONTACT "The Tilewright maintainers <maintainers@tilewright.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "finds the fastest schedules for neural networks")
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB TXZ)
set(CPACK_ARCHIVE_THREADS 0)  # as many as there are cores
set(CPACK_VERBATIM_VARIABLES ON)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/CPackGenerator.cmake @ONLY CONTENT [[
if(CPACK_GENERATOR STREQUAL "TXZ")
  list(APPEND CPACK_INSTALL_CMAKE_PROJECTS "@CMAKE_BINARY_DIR@" "@PROJECT_NAME@" bundled /)
endif()
]])
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_BINARY_DIR}/CPackGenerator.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
include(CPack)
