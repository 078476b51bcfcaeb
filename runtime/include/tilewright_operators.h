/* Operators of your own that a program writes: `tilewright compile MODEL --operators libmine.so`.
 *
 * The library exports this one function, with C linkage. It gives the same text as a file of
 * --operators (examples/operators), which is checked and compiled as a file's is, and travels to
 * workers in its place: the library's own code stays on this machine, and out of packages. It runs
 * once a command, in a process that can compute and nothing else: no file, no network, a second or
 * so, 1 GiB of memory. It may need libc and libstdc++ and no other library. */
#ifndef TILEWRIGHT_OPERATORS_H_
#define TILEWRIGHT_OPERATORS_H_

#ifdef __cplusplus
extern "C" {
#endif

/* At most 1 MiB, ending with a 0, valid until the process ends; null for a version of the text's
 * form that the library does not know. This one is 1. */
const char* tilewright_operators(int version);

#ifdef __cplusplus
}
#endif
#endif /* TILEWRIGHT_OPERATORS_H_ */
