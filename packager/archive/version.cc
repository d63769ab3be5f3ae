#include "packager/archive/version.h"

#include <algorithm>
#include <charconv>

namespace pirn::archive {

namespace {

constexpr uint64_t kSerialField = 1'000'000;

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Takes a number without leading zeros off the front.
bool take_number(std::string_view& text, uint64_t& number) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc() || number > INT64_MAX) return false;
  const size_t digits = static_cast<size_t>(end.ptr - text.data());
  if (digits > 1 && text[0] == '0') return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool is_identifiers(std::string_view text, bool prerelease) {
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('.', start), text.size());
    const std::string_view part = text.substr(start, end - start);
    if (part.empty()) return false;
    for (const char c : part)
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'))
        return false;
    if (prerelease && is_number(part) && part.size() > 1 && part[0] == '0') return false;
    start = end + 1;
  }
  return true;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('.', start), text.size());
    parts.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

// Numbers before words, numbers by value (a longer one without leading zeros is larger), words by bytes.
std::strong_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_number = is_number(a), b_number = is_number(b);
  if (a_number != b_number) return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (a_number && a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

struct Partial {
  Version version;
  int given = 0;  // of major, minor, patch
};

constexpr size_t kLongestRange = 255;

Result<Partial> parse_partial(std::string_view text, std::string_view whole) {
  const Error malformed{Code::invalid_argument, "'" + std::string(whole) + "' is not a version range",
                        "Write comparators separated by spaces: ^1.2, ~1.2.3, >=1.2 <2, 1.2.3, *"};
  Partial partial;
  std::string_view rest = text;
  for (uint64_t* number : {&partial.version.major, &partial.version.minor, &partial.version.patch}) {
    if (partial.given > 0 && !take(rest, '.')) break;
    if (!take_number(rest, *number)) return malformed;
    ++partial.given;
  }
  if (rest.empty()) return partial;
  auto version = parse_version(text);
  if (!version) return malformed;
  return Partial{*version, 3};
}

}  // namespace

std::strong_ordering Version::operator<=>(const Version& other) const {
  if (const auto order = major <=> other.major; order != 0) return order;
  if (const auto order = minor <=> other.minor; order != 0) return order;
  if (const auto order = patch <=> other.patch; order != 0) return order;
  if (prerelease.empty() || other.prerelease.empty()) return prerelease.empty() <=> other.prerelease.empty();
  for (size_t i = 0; i < std::min(prerelease.size(), other.prerelease.size()); ++i)
    if (const auto order = compare_identifiers(prerelease[i], other.prerelease[i]); order != 0) return order;
  return prerelease.size() <=> other.prerelease.size();
}

std::string Version::text() const {
  std::string out = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  for (size_t i = 0; i < prerelease.size(); ++i) out += (i == 0 ? "-" : ".") + prerelease[i];
  if (!build.empty()) out += "+" + build;
  return out;
}

Result<Version> parse_version(std::string_view text) {
  const Error malformed{Code::invalid_argument, "'" + std::string(text) + "' is not a semantic version",
                        "Write three numbers, such as 1.4.2, optionally followed by -rc.1 or +build."};
  Version version;
  std::string_view rest = text;
  if (text.size() > 128 || !take_number(rest, version.major) || !take(rest, '.') ||
      !take_number(rest, version.minor) || !take(rest, '.') || !take_number(rest, version.patch))
    return malformed;
  if (const size_t plus = rest.find('+'); plus != std::string_view::npos) {
    version.build = rest.substr(plus + 1);
    if (!is_identifiers(version.build, false)) return malformed;
    rest = rest.substr(0, plus);
  }
  if (rest.empty()) return version;
  if (!take(rest, '-') || !is_identifiers(rest, true)) return malformed;
  version.prerelease = split(rest);
  return version;
}

Result<int64_t> serial_of(const Version& version) {
  if (!version.prerelease.empty() || version.major >= kSerialField || version.minor >= kSerialField ||
      version.patch >= kSerialField)
    return Error{Code::serial_underivable, "no serial can be derived from the version " + version.text()};
  return static_cast<int64_t>((version.major * kSerialField + version.minor) * kSerialField + version.patch);
}

std::string why_serial_blocks(int64_t serial, int64_t floor, const Version& version) {
  Version release = version;  // a pre-release has the serial of what it precedes, as far as this goes
  release.prerelease.clear();
  const Result<int64_t> usual = serial_of(release);
  const int64_t from = std::max(std::max<int64_t>(floor, 0), usual ? *usual : 0);
  const std::string which = "the serial " + std::to_string(serial);
  if (serial > INT64_MAX - kMostSerialsAhead)
    return which + " leaves fewer than " + std::to_string(kMostSerialsAhead) + " serials for later versions";
  if (serial > from && serial - from > kMostSerialsAhead)
    return which + " is " + std::to_string(serial - from) + " above " + std::to_string(from) +
           (from == floor && floor > 0 ? ", the highest so far"
                                       : ", the serial of the version " + version.text()) +
           ": every later version needs a higher one";
  return {};
}

bool VersionRange::contains(const Version& version) const {
  return std::all_of(comparators_.begin(), comparators_.end(), [&](const Comparator& comparator) {
    switch (comparator.op) {
      case Op::equal:
        return version == comparator.version;
      case Op::less:
        return version < comparator.version;
      case Op::less_or_equal:
        return version <= comparator.version;
      case Op::greater:
        return version > comparator.version;
      case Op::greater_or_equal:
        return version >= comparator.version;
    }
    return false;
  });
}

Result<VersionRange> parse_range(std::string_view text) {
  using Op = VersionRange::Op;
  if (text.size() > kLongestRange)
    return Error{Code::invalid_argument, "the version range has " + std::to_string(text.size()) +
                                             " bytes; the limit is " + std::to_string(kLongestRange)};
  VersionRange range;
  std::string_view rest = text;
  bool any = false;
  while (!rest.empty()) {
    if (take(rest, ' ')) continue;
    const size_t end = std::min(rest.find(' '), rest.size());
    std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    any = true;
    if (word == "*") continue;
    const size_t op_end = std::min(word.find_first_not_of("^~<>="), word.size());
    const std::string_view op = word.substr(0, op_end);
    PIRN_TRY(const Partial partial, parse_partial(word.substr(op_end), text));
    const Version& low = partial.version;
    Version next;  // the first version beyond what a partial or a caret names
    if (op == "^" ? low.major > 0 || partial.given == 1 : partial.given == 1)
      next.major = low.major + 1;
    else if (op == "^" ? low.minor > 0 || partial.given == 2 : op == "~" || partial.given == 2)
      next = {low.major, low.minor + 1, 0, {}, {}};
    else
      next = {low.major, low.minor, low.patch + 1, {}, {}};
    const bool partial_equal = op.empty() && partial.given < 3;
    if (op == "^" || op == "~" || partial_equal) {
      range.comparators_.push_back({Op::greater_or_equal, low});
      range.comparators_.push_back({Op::less, next});
    } else if (op.empty() || op == "=") {
      range.comparators_.push_back({Op::equal, low});
    } else if (op == "<" || op == "<=" || op == ">" || op == ">=") {
      range.comparators_.push_back({op == "<"    ? Op::less
                                    : op == "<=" ? Op::less_or_equal
                                    : op == ">"  ? Op::greater
                                                 : Op::greater_or_equal,
                                    low});
    } else {
      return Error{Code::invalid_argument,
                   "'" + std::string(text) + "' has the unknown comparator '" + std::string(op) + "'"};
    }
  }
  if (!any) return Error{Code::invalid_argument, "the version range is empty", "Write * for any version."};
  return range;
}

}  // namespace pirn::archive
