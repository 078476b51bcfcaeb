// One process at a time may measure on a device: two would disturb each other's times.
#pragma once

#include <string>

namespace tilewright {

// Takes the device for the rest of this process's life, however that ends. Empty: it is ours, else
// who has it. Holds among the processes of one network namespace, of all users; where sockets are
// forbidden nobody can be excluded, and it is ours.
std::string ClaimDevice(const std::string& uuid);

}  // namespace tilewright
