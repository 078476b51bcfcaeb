// Takes memory out of the caches.
#pragma once

#include <cstddef>

namespace tilewright {

// After this, the lines of [data, data + bytes) come from memory. On x86 and arm64 by the
// unprivileged flush instructions; elsewhere by reading a buffer larger than the caches.
void EvictFromCaches(const void* data, size_t bytes);

}  // namespace tilewright
