// Where the command keeps things when it is not told: the only reader of these variables.
#pragma once

#include <string>

namespace tilewright {

// $XDG_DATA_HOME/tilewright or ~/.local/share/tilewright; "./.tilewright" without a home.
std::string DataFolder();

// Where a user's certificate is for servers on other machines: $TILEWRIGHT_TLS, else the folder
// tls in $XDG_CONFIG_HOME/tilewright or ~/.config/tilewright when it exists, else "".
std::string DefaultTlsFolder();

// $TMPDIR, else /tmp, whether or not it is there.
std::string TempFolder();

// $TILEWRIGHT_RECORDS, else records.db in the data folder. Nothing is created.
std::string DefaultRecordsPath();

}  // namespace tilewright
