# Builds with a sanitizer (presets asan, tsan and fuzz), by clang: it compiles the tree in half the
# time that GCC needs.
if(NOT TILEWRIGHT_SANITIZE)
  return()
endif()

# Not vptr: it needs the type information that LLVM is built without. Not function: kernels are
# called by pointers to code that no sanitizer compiled.
add_compile_options(-fsanitize=${TILEWRIGHT_SANITIZE} -fno-sanitize=vptr,function
                    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
add_link_options(-fsanitize=${TILEWRIGHT_SANITIZE})
if(TILEWRIGHT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
