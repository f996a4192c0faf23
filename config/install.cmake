# config/install.cmake -- `cmake --install build [--prefix DIR]` puts things where a Debian user expects them:
# the program in bin, pages and ready-made jobs in share/googlenetd, the example configuration in
# share/doc/googlenetd, the unit in lib/systemd/system. With a private oneDNN the program goes to lib/googlenetd
# with the libraries that it was built with, and bin gets a script that starts it with them.

install(DIRECTORY web/ DESTINATION ${CMAKE_INSTALL_DATADIR}/googlenetd/web)
install(DIRECTORY config/jobs DESTINATION ${CMAKE_INSTALL_DATADIR}/googlenetd)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES config/server.json config/compose.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# The unit names absolute paths.
file(READ config/googlenetd.service unit)
string(REPLACE /usr/local/bin ${CMAKE_INSTALL_FULL_BINDIR} unit "${unit}")
string(REPLACE /usr/local/share/doc/googlenetd ${CMAKE_INSTALL_FULL_DOCDIR} unit "${unit}")
file(WRITE ${CMAKE_BINARY_DIR}/googlenetd.service "${unit}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS config/googlenetd.service)
install(FILES ${CMAKE_BINARY_DIR}/googlenetd.service DESTINATION lib/systemd/system)

if(NOT ONEDNN_LOADER)
    install(TARGETS googlenetd)
    return()
endif()

set(private ${CMAKE_INSTALL_LIBDIR}/googlenetd)
set_target_properties(googlenetd PROPERTIES INSTALL_RPATH "")
install(TARGETS googlenetd RUNTIME DESTINATION ${private})
# The shared libraries that the program loads from the prefix, as their sonames, and their loader.
foreach(name libdnnl.so.3.6 libgomp.so.1 libstdc++.so.6 libgcc_s.so.1 libm.so.6 libc.so.6)
    file(GLOB found ${ONEDNN_LIB}/${name})
    if(NOT found)
        message(FATAL_ERROR "no ${name} in ${ONEDNN_LIB}")
    endif()
    file(REAL_PATH ${found} real)
    install(PROGRAMS ${real} DESTINATION ${private} RENAME ${name})
endforeach()
file(REAL_PATH ${ONEDNN_LOADER} loader)
install(PROGRAMS ${loader} DESTINATION ${private} RENAME ld.so)

# From bin to lib, whatever the prefix.
file(RELATIVE_PATH BIN_TO_PRIVATE /${CMAKE_INSTALL_BINDIR} /${private})
file(RELATIVE_PATH BIN_TO_DATA /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_DATADIR}/googlenetd)
configure_file(config/googlenetd.sh.in ${CMAKE_BINARY_DIR}/googlenetd.sh @ONLY)
install(PROGRAMS ${CMAKE_BINARY_DIR}/googlenetd.sh DESTINATION ${CMAKE_INSTALL_BINDIR}
        RENAME googlenetd)
