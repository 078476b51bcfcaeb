// A libcuda.so.1 and libnvrtc.so.13 of tests that are too old: none of what we call.
int nothing(void) { return 0; }
