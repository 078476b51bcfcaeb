// libnvrtc.so.13 of tests: an older NVRTC, which does not know today's architectures.
extern "C" {
int nvrtcVersion(int* major, int* minor) {
  *major = 12;
  *minor = 0;
  return 0;
}
int nvrtcGetNumSupportedArchs(int* count) {
  *count = 2;
  return 0;
}
int nvrtcGetSupportedArchs(int* archs) {
  archs[0] = 50;
  archs[1] = 90;
  return 0;
}
#define REFUSED(name) \
  int name() { return 1; }
REFUSED(nvrtcCreateProgram)
REFUSED(nvrtcDestroyProgram)
REFUSED(nvrtcCompileProgram)
REFUSED(nvrtcGetProgramLogSize)
REFUSED(nvrtcGetProgramLog)
REFUSED(nvrtcGetCUBINSize)
REFUSED(nvrtcGetCUBIN)
REFUSED(nvrtcGetPTXSize)
REFUSED(nvrtcGetPTX)
}
