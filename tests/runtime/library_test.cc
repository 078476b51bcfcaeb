// What is said of a shared library that cannot be used.
#include "runtime/device/library.h"

#include <gtest/gtest.h>

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

std::string WhyMissing(const std::vector<std::string>& names, const std::string& what) {
  try {
    Library library(names, what);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Library, ThatIsMissingIsNamedOnceWithTheLoadersReason) {
  EXPECT_EQ(WhyMissing({"libnowhere.so.2", "libnowhere.so.1"}, "driver (libnowhere.so.2 or .1)"),
            "no driver (libnowhere.so.2 or .1): cannot open shared object file: No such file or "
            "directory");
}

TEST(Library, ThatIsThereIsTheFirstOfItsNames) {
  EXPECT_EQ(WhyMissing({"libnowhere.so.2", "libc.so.6"}, "C library"), "");
}

TEST(Library, WithoutAFunctionIsTooOld) {
  const Library library({"libc.so.6"}, "C library (libc.so.6)");
  void (*function)() = nullptr;
  library.BindIfThere(function, "no_such_function");
  EXPECT_EQ(function, nullptr);
  try {
    library.Bind(function, "no_such_function");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "C library (libc.so.6) is too old: it has no function no_such_function");
  }
}

}  // namespace
}  // namespace tilewright::runtime
