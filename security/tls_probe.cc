#include "security/tls_probe.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "security/openssl.h"

namespace tilewright {
namespace {

constexpr timeval kPatience = {.tv_sec = 2, .tv_usec = 0};  // of each step
constexpr unsigned char kHttp2[] = {2, 'h', '2'};           // what gRPC speaks inside of TLS

using ContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using AddressesPtr = std::unique_ptr<addrinfo, OpensslFree<freeaddrinfo>>;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

struct HostAndPort {
  std::string host, port;
};

HostAndPort Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  HostAndPort parts{address.substr(0, colon),
                    colon == address.npos ? "" : address.substr(colon + 1)};
  if (parts.host.size() > 1 && parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  }
  return parts;
}

absl::Status Nobody(const std::string& address, const std::string& why) {
  return absl::UnavailableError(absl::StrCat("no server answers at ", address, ": ", why));
}

// The first of the addresses that lets itself be connected to.
absl::StatusOr<Socket> ConnectAny(const addrinfo* all, const std::string& address) {
  std::string why = "no address";
  for (const addrinfo* one = all; one; one = one->ai_next) {
    Socket made(socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
    if (made.fd() < 0) continue;
    setsockopt(made.fd(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
    setsockopt(made.fd(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
    if (connect(made.fd(), one->ai_addr, one->ai_addrlen) == 0) return made;
    why = errno == EINPROGRESS ? "timed out" : std::strerror(errno);
  }
  return Nobody(address, why);
}

absl::StatusOr<Socket> Connect(const std::string& address) {
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, "unix:")) {
    sockaddr_un name{.sun_family = AF_UNIX};
    if (path.size() >= sizeof(name.sun_path)) return Nobody(address, "the path is too long");
    std::memcpy(name.sun_path, path.data(), path.size());
    addrinfo one{.ai_family = AF_UNIX, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof(name)};
    one.ai_addr = reinterpret_cast<sockaddr*>(&name);
    return ConnectAny(&one, address);
  }
  const HostAndPort parts = Split(address);
  const addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const int error = getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
  if (error != 0) return Nobody(address, gai_strerror(error));
  const AddressesPtr all(found);
  return ConnectAny(all.get(), address);
}

// Trusts the credentials' authority and shows their certificate; without them trusts everyone.
absl::StatusOr<ContextPtr> MakeContext(const Credentials* credentials) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return OpensslError("cannot start TLS");
  SSL_CTX_set_alpn_protos(context.get(), kHttp2, sizeof(kHttp2));
  if (!credentials) return context;
  TW_ASSIGN_OR_RETURN(const CertificatePtr ca, ReadCertificatePem(credentials->authority, "ca"));
  TW_ASSIGN_OR_RETURN(const CertificatePtr own,
                      ReadCertificatePem(credentials->own.certificate, "cert"));
  TW_ASSIGN_OR_RETURN(const KeyPtr key, ReadKeyPem(credentials->own.key, "key"));
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
  if (SSL_CTX_use_certificate(context.get(), own.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    return OpensslError("cannot use the certificate");
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

// As gRPC checks it; a unix socket's host is called localhost.
void ExpectHost(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1) return;
  ERR_clear_error();
  X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  SSL_set_tlsext_host_name(ssl, host.c_str());
}

std::string WhyNotTrusted(long code, const std::string& host, const Credentials& own) {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "it has expired; issue another for the server";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return absl::StrCat("it does not name ", host, "; issue one with --host ", host);
    case X509_V_ERR_INVALID_PURPOSE: return "it is not a server's certificate";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return absl::StrCat("it was signed by another authority than ", own.folder, "/ca.pem");
    default: return X509_verify_cert_error_string(code);
  }
}

absl::Status ExplainHandshake(SSL* ssl, const std::string& address, const std::string& host,
                              const Credentials& own) {
  if (const long code = SSL_get_verify_result(ssl); code != X509_V_OK) {
    ERR_clear_error();
    return absl::UnauthenticatedError(
        absl::StrCat("the certificate of the server at ", address,
                     " is not trusted: ", WhyNotTrusted(code, host, own)));
  }
  return absl::UnauthenticatedError(
      absl::StrCat("the server at ", address, " does not speak TLS (", OpensslErrorText(),
                   "): start it with --tls, or pass --insecure where everyone is trusted"));
}

// With TLS 1.3 a server judges the client's certificate after the client's handshake: what it
// says, or that it hangs up, arrives with the first bytes.
absl::Status ReadFirst(SSL* ssl, const std::string& address, const Credentials& own) {
  char byte = 0;
  const int read = SSL_read(ssl, &byte, 1);
  if (read > 0 || SSL_get_error(ssl, read) == SSL_ERROR_WANT_READ) return absl::OkStatus();
  const std::string said = OpensslErrorText();
  return absl::UnauthenticatedError(
      absl::StrCat("the server at ", address, " refuses the certificate ", own.folder,
                   "/cert.pem (", said == "no detail" ? "it hangs up" : said,
                   "): was it issued by the authority of this farm, and are both clocks right?"));
}

absl::Status ProbePlain(const Socket& connection, const std::string& address) {
  TW_ASSIGN_OR_RETURN(const ContextPtr context, MakeContext(nullptr));
  const SslPtr ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), connection.fd());
  const bool speaks_tls = SSL_connect(ssl.get()) == 1;
  ERR_clear_error();
  if (!speaks_tls) return absl::OkStatus();
  return absl::UnauthenticatedError(
      absl::StrCat("the server at ", address,
                   " wants TLS: pass --tls DIR, a folder that `tilewright certs issue` made"));
}

}  // namespace

absl::Status ProbeServer(const std::string& address, const Credentials* credentials) {
  TW_ASSIGN_OR_RETURN(const Socket connection, Connect(address));
  if (!credentials) return ProbePlain(connection, address);
  const std::string host = absl::StartsWith(address, "unix:") ? "localhost" : Split(address).host;
  TW_ASSIGN_OR_RETURN(const ContextPtr context, MakeContext(credentials));
  const SslPtr ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), connection.fd());
  ExpectHost(ssl.get(), host);
  if (SSL_connect(ssl.get()) != 1) {
    return ExplainHandshake(ssl.get(), address, host, *credentials);
  }
  return ReadFirst(ssl.get(), address, *credentials);
}

}  // namespace tilewright
