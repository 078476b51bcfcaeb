// The functions of OpenCL 1.2 that we call, from the ICD loader (libOpenCL.so.1) when it is there.
#pragma once

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <string>

namespace tilewright::runtime {

struct OpenClApi {
  decltype(&clGetPlatformIDs) GetPlatformIDs;
  decltype(&clGetPlatformInfo) GetPlatformInfo;
  decltype(&clGetDeviceIDs) GetDeviceIDs;
  decltype(&clGetDeviceInfo) GetDeviceInfo;
  decltype(&clCreateContext) CreateContext;
  decltype(&clReleaseContext) ReleaseContext;
  decltype(&clCreateCommandQueue) CreateCommandQueue;
  decltype(&clReleaseCommandQueue) ReleaseCommandQueue;
  decltype(&clCreateBuffer) CreateBuffer;
  decltype(&clCreateSubBuffer) CreateSubBuffer;
  decltype(&clReleaseMemObject) ReleaseMemObject;
  decltype(&clCreateProgramWithSource) CreateProgramWithSource;
  decltype(&clBuildProgram) BuildProgram;
  decltype(&clGetProgramBuildInfo) GetProgramBuildInfo;
  decltype(&clReleaseProgram) ReleaseProgram;
  decltype(&clCreateKernel) CreateKernel;
  decltype(&clSetKernelArg) SetKernelArg;
  decltype(&clReleaseKernel) ReleaseKernel;
  decltype(&clEnqueueNDRangeKernel) EnqueueNDRangeKernel;
  decltype(&clEnqueueWriteBuffer) EnqueueWriteBuffer;
  decltype(&clEnqueueReadBuffer) EnqueueReadBuffer;
  decltype(&clFinish) Finish;
};

// Loaded once. Throws Error UNAVAILABLE when there is no ICD loader. Thread-safe.
const OpenClApi& OpenCl();

// Throws for another result than CL_SUCCESS: UNAVAILABLE for a lost or missing device, INTERNAL
// otherwise; says what was tried and OpenCL's code.
void CheckCl(cl_int result, const char* what);

}  // namespace tilewright::runtime
