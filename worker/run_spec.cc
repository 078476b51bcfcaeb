#include "worker/run_spec.h"

#include <limits>
#include <sstream>

namespace tilewright {
namespace {

// One line a field: its name, then its values. Paths take the rest of their line.
constexpr int kMaxRank = 8, kMaxThreads = 1024;

void WriteArgument(std::ostream& out, const RunArgument& argument) {
  out << "arg " << NameOf(argument.dtype) << " " << argument.cold << " " << argument.amplitude
      << " " << argument.shape.size();
  for (const int64_t dim : argument.shape) out << " " << dim;
  for (const PaddedDim& p : argument.padded) {
    out << " " << p.outer << " " << p.inner << " " << p.limit;
  }
  out << "\n";
}

bool ReadArgument(std::istream& in, RunArgument* argument) {
  size_t rank = 0;
  std::string dtype;
  if (!(in >> dtype >> argument->cold >> argument->amplitude >> rank)) return false;
  if (rank > kMaxRank) return false;
  const std::optional<DType> known = ParseDType(dtype);
  if (!known) return false;
  argument->dtype = *known;
  argument->shape.resize(rank);
  for (int64_t& dim : argument->shape) {
    if (!(in >> dim) || dim < 1) return false;
  }
  PaddedDim p;
  const int last = static_cast<int>(rank);
  while (in >> p.outer >> p.inner >> p.limit) {
    if (p.outer < 0 || p.outer >= last || p.inner >= last) return false;
    argument->padded.push_back(p);
  }
  return true;
}

void WriteCall(std::ostream& out, const char* name, const RunCall& call) {
  out << name << " " << call.symbol << " " << call.extent;
  for (const auto* axes : {&call.launch.grid, &call.launch.block}) {
    for (const int64_t extent : *axes) out << " " << extent;
  }
  for (const int operand : call.operands) out << " " << operand;
  out << "\n";
}

bool ReadCall(std::istream& in, RunCall* call) {
  if (!(in >> call->symbol >> call->extent) || call->extent < 1) return false;
  for (auto* axes : {&call->launch.grid, &call->launch.block}) {
    for (int64_t& extent : *axes) {
      if (!(in >> extent) || extent < 1) return false;
    }
  }
  for (int operand; in >> operand;) call->operands.push_back(operand);
  return !call->operands.empty();
}

bool ReadBuffer(std::istream& in, RunBuffer* buffer) {
  return static_cast<bool>(in >> buffer->bytes >> buffer->cold) && buffer->bytes >= 0;
}

// Every operand is an argument or a buffer.
bool OperandsExist(const RunSpec& spec) {
  const int count = static_cast<int>(spec.arguments.size() + spec.buffers.size());
  for (const std::vector<RunCall>* calls : {&spec.prepare, &spec.calls}) {
    for (const RunCall& call : *calls) {
      for (const int operand : call.operands) {
        if (operand < 0 || operand >= count) return false;
      }
    }
  }
  return true;
}

std::string RestOf(std::istream& in) {
  std::string rest;
  std::getline(in >> std::ws, rest);
  return rest;
}

bool ReadField(const std::string& name, std::istream& in, RunSpec* spec) {
  if (name == "library") return !(spec->library = RestOf(in)).empty();
  if (name == "prepare") return ReadCall(in, &spec->prepare.emplace_back());
  if (name == "call") return ReadCall(in, &spec->calls.emplace_back());
  if (name == "buffer") return ReadBuffer(in, &spec->buffers.emplace_back());
  if (name == "token") return !(spec->token = RestOf(in)).empty();
  if (name == "require_sandbox") return static_cast<bool>(in >> spec->require_sandbox);
  if (name == "tolerance") return static_cast<bool>(in >> spec->tolerance);
  if (name == "reference") return !(spec->reference = RestOf(in)).empty();
  if (name == "write_reference") return static_cast<bool>(in >> spec->write_reference);
  if (name == "seed") return static_cast<bool>(in >> spec->seed);
  if (name == "arg") return ReadArgument(in, &spec->arguments.emplace_back());
  if (name == "samples") {
    return static_cast<bool>(in >> spec->min_samples >> spec->max_samples >>
                             spec->sampling_seconds >> spec->drop_seconds >> spec->sample_calls >>
                             spec->sample_seconds);
  }
  if (name == "flops") return static_cast<bool>(in >> spec->flops);
  if (name == "limits") {
    return static_cast<bool>(in >> spec->memory_bytes >> spec->cpu_seconds >> spec->file_bytes);
  }
  if (name == "threads") {
    return static_cast<bool>(in >> spec->threads) && spec->threads >= 1 &&
           spec->threads <= kMaxThreads;
  }
  if (name == "cores" || name == "ahead") {
    std::vector<int>& cores = name == "cores" ? spec->cores : spec->ahead;
    for (int core; in >> core;) cores.push_back(core);
    return true;
  }
  return false;
}

}  // namespace

std::string ToText(const RunSpec& spec) {
  std::ostringstream out;
  out.precision(std::numeric_limits<double>::max_digits10);
  out << "library " << spec.library << "\nreference " << spec.reference << "\nwrite_reference "
      << spec.write_reference << "\ntolerance " << spec.tolerance << "\nseed " << spec.seed << "\n";
  for (const RunCall& call : spec.prepare) WriteCall(out, "prepare", call);
  for (const RunCall& call : spec.calls) WriteCall(out, "call", call);
  for (const RunBuffer& buffer : spec.buffers) {
    out << "buffer " << buffer.bytes << " " << buffer.cold << "\n";
  }
  for (const RunArgument& argument : spec.arguments) WriteArgument(out, argument);
  out << "samples " << spec.min_samples << " " << spec.max_samples << " " << spec.sampling_seconds
      << " " << spec.drop_seconds << " " << spec.sample_calls << " " << spec.sample_seconds
      << "\nflops " << spec.flops << "\nlimits " << spec.memory_bytes << " " << spec.cpu_seconds
      << " " << spec.file_bytes << "\nrequire_sandbox " << spec.require_sandbox << "\nthreads "
      << spec.threads << "\ncores";
  for (const int core : spec.cores) out << " " << core;
  out << "\nahead";
  for (const int core : spec.ahead) out << " " << core;
  out << "\n";
  if (!spec.token.empty()) out << "token " << spec.token << "\n";
  return out.str();
}

std::string GoLine(double spare_seconds) {
  std::ostringstream out;
  out.precision(std::numeric_limits<double>::max_digits10);
  out << "go " << spare_seconds;
  return out.str();
}

std::optional<double> ParseGoLine(const std::string& line) {
  if (line.size() > kMostGoBytes) return std::nullopt;
  std::istringstream in(line);
  std::string word;
  double seconds = 0;
  if (!(in >> word >> seconds) || word != "go" || !(in >> std::ws).eof()) return std::nullopt;
  if (!(seconds >= 0 && seconds <= kMostSpareSeconds)) return std::nullopt;
  return seconds;
}

std::optional<RunSpec> ParseRunSpec(const std::string& text) {
  RunSpec spec;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    std::string name;
    in >> name;
    if (!ReadField(name, in, &spec)) return std::nullopt;
  }
  const bool complete = !spec.library.empty() && !spec.calls.empty() && !spec.reference.empty() &&
                        !spec.arguments.empty() && OperandsExist(spec);
  return complete ? std::optional(spec) : std::nullopt;
}

}  // namespace tilewright
