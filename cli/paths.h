// Where the command keeps things when it is not told: the only reader of these variables.
#pragma once

#include <string>

namespace tilewright {

// $XDG_DATA_HOME/tilewright or ~/.local/share/tilewright; "./.tilewright" without a home.
std::string DataFolder();

// $TILEWRIGHT_RECORDS, else records.db in the data folder. Nothing is created.
std::string DefaultRecordsPath();

}  // namespace tilewright
