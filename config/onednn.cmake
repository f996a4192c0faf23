# config/onednn.cmake -- the target `onednn`: the system's oneDNN where it is new enough, else Debian 13's
# packages, unpacked under the build folder by config/fetch-onednn and used with their own loader.
#
#   cmake -DONEDNN_PREFIX=/path   take an already unpacked copy instead

set(ONEDNN_MINIMUM 3.6)
set(ONEDNN_PREFIX "" CACHE PATH "Folder with an unpacked Debian 13 oneDNN; empty: decide and fetch")

find_package(dnnl ${ONEDNN_MINIMUM} QUIET CONFIG)
add_library(onednn INTERFACE)

if(dnnl_FOUND AND NOT ONEDNN_PREFIX)
    message(STATUS "oneDNN: the system's ${dnnl_VERSION}, which is ${ONEDNN_MINIMUM} or newer")
    target_link_libraries(onednn INTERFACE DNNL::dnnl)
else()
    if(NOT ONEDNN_PREFIX)
        set(ONEDNN_PREFIX ${CMAKE_BINARY_DIR}/onednn)
        message(STATUS "oneDNN: the system has none that is ${ONEDNN_MINIMUM} or newer; "
                       "taking Debian 13's packages into ${ONEDNN_PREFIX}")
        execute_process(COMMAND "${CMAKE_SOURCE_DIR}/config/fetch-onednn" "${ONEDNN_PREFIX}"
                        RESULT_VARIABLE status)
        if(status)
            message(FATAL_ERROR "oneDNN ${ONEDNN_MINIMUM} or newer (OpenMP build) is needed: install "
                                "libdnnl-dev of Debian 13, or let config/fetch-onednn unpack it")
        endif()
    endif()
    find_path(ONEDNN_INCLUDE oneapi/dnnl/dnnl.h PATHS ${ONEDNN_PREFIX}/usr/include NO_DEFAULT_PATH REQUIRED)
    file(GLOB onednn_loader ${ONEDNN_PREFIX}/usr/lib/*/ld-linux-*.so.*)
    if(NOT onednn_loader)
        message(FATAL_ERROR "no loader (ld-linux-*.so) under ${ONEDNN_PREFIX}/usr/lib")
    endif()
    get_filename_component(ONEDNN_LIB ${onednn_loader} DIRECTORY)
    target_include_directories(onednn SYSTEM INTERFACE ${ONEDNN_INCLUDE})
    # RPATH and not RUNPATH: libdnnl's own needs must also come from the prefix.
    target_link_options(onednn INTERFACE
        -Wl,--dynamic-linker=${onednn_loader} -Wl,-rpath,${ONEDNN_LIB} -Wl,--disable-new-dtags
        -Wl,--allow-shlib-undefined)
    # Through -Wl, so that CMake does not warn that the prefix hides the compiler's libgomp: it is meant to. As an
    # option, which CMake quotes: the folder's name may have a space.
    set(libdnnl -Wl,--no-as-needed "-Wl,${ONEDNN_LIB}/libdnnl.so")
    target_link_options(onednn INTERFACE ${libdnnl})
    set(ONEDNN_LOADER ${onednn_loader})
endif()
