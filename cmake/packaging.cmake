# What `cmake --install` lays down, and `cpack -G DEB` and `cpack -G TGZ` of it. Every place is
# relative to the prefix and programs find each other beside themselves: the tree can be moved.
set(programs tilewright tilewright-builder tilewright-device-runner tilewright-network-runner
  tilewright-operators tilewright-run tilewright-runner)
install(TARGETS ${programs} RUNTIME DESTINATION bin)
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
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
include(CPack)
