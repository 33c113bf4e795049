# What `cmake --install` gives: headers, the static library, programs, manual pages, the CMake package `ringway` with
# the targets ringway::ringway and ringway::core, and ringway.pc. BPF objects are embedded in library and programs; each
# program has its install() beside its target.
include(CMakePackageConfigHelpers)
set(RINGWAY_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/ringway)

install(TARGETS ringway ringway_core EXPORT ringway-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ringway DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
if(EXISTS ${PROJECT_BINARY_DIR}/include/ringway)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/include/ringway DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.hpp")
endif()

install(EXPORT ringway-targets NAMESPACE ringway:: DESTINATION ${RINGWAY_CMAKE_DIR})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/ringway-config.cmake.in
  ${PROJECT_BINARY_DIR}/ringway-config.cmake INSTALL_DESTINATION ${RINGWAY_CMAKE_DIR})
# 0.x promises nothing between minor versions.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ringway-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ringway-config.cmake ${PROJECT_BINARY_DIR}/ringway-config-version.cmake
  DESTINATION ${RINGWAY_CMAKE_DIR})

# ringway.pc finds its prefix from where it lies, so that the tree can be installed elsewhere (--prefix) or moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  OUTPUT_VARIABLE RINGWAY_PC_TO_PREFIX)
configure_file(${PROJECT_SOURCE_DIR}/cmake/ringway.pc.in ${PROJECT_BINARY_DIR}/ringway.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ringway.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

file(GLOB manuals CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.scd)
find_program(RINGWAY_SCDOC scdoc)
if(manuals AND RINGWAY_SCDOC)
  foreach(source IN LISTS manuals)
    cmake_path(GET source STEM LAST_ONLY page)         # ringway-l2fwd.1
    set(target ${PROJECT_BINARY_DIR}/man/${page})
    add_custom_command(OUTPUT ${target}
      COMMAND sh -c "mkdir -p \"$(dirname \"$3\")\" && \"$1\" < \"$2\" > \"$3\"" sh ${RINGWAY_SCDOC} ${source} ${target}
      DEPENDS ${source} COMMENT "manual ${page}" VERBATIM)
    list(APPEND pages ${target})
    string(REGEX MATCH "[1-8]$" section ${page})
    install(FILES ${target} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(ringway_manuals ALL DEPENDS ${pages})
endif()

# The unit names the installed program. `systemctl` finds it under /usr; elsewhere it is to be linked.
if(RINGWAY_BUILD_APPS)
  configure_file(${PROJECT_SOURCE_DIR}/dist/ringway-lb.service.in ${PROJECT_BINARY_DIR}/ringway-lb.service @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/ringway-lb.service DESTINATION lib/systemd/system)
endif()
