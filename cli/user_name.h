// Who calls: the name of the process's user.
#pragma once

#include <pwd.h>
#include <unistd.h>

#include <string>

namespace tilewright {

inline std::string UserName() {
  const passwd* user = getpwuid(getuid());
  return user ? user->pw_name : "user-" + std::to_string(getuid());
}

}  // namespace tilewright
