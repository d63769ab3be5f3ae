#include "host/events/meters.h"

#include <boost/json.hpp>

#include "packager/json/plain_text.h"
#include "packager/mutex/mutex.h"

namespace pirn::events {

namespace {

namespace bj = boost::json;

std::string member(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

const bj::object& details(const Envelope& envelope) {
  static const bj::object kNone;
  const bj::value* value = envelope.metadata.if_contains("details");
  return value != nullptr && value->is_object() ? value->as_object() : kNone;
}

std::string escaped(std::string_view label) {
  std::string out;
  for (const char c : label) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string label(const Envelope& envelope, std::string_view name) {
  if (name == "tenant") return member(envelope.metadata, "tenant");
  if (name == "step") return member(envelope.metadata, "node_id");
  if (name == "event") return member(envelope.metadata, "event");
  if (name == "state") return member(details(envelope), "state");
  return member(envelope.metadata, "package") + "::" + member(envelope.metadata, "workflow");
}

}  // namespace

Status MeterSink::write(const Envelope& envelope) {
  if (wanted(options_.events, member(envelope.metadata, "event"))) {
    std::vector<std::string> labels;
    for (const std::string& name : options_.by) labels.push_back(label(envelope, name));
    const bj::value* duration = details(envelope).if_contains("duration");
    const MutexLock lock(mutex_);
    if (series_.size() >= kSeries && !series_.contains(labels)) labels.assign(labels.size(), "other");
    Series& series = series_[labels];
    ++series.count;
    if (duration != nullptr && duration->is_int64())
      series.seconds += static_cast<double>(duration->as_int64()) / 1e9;
  }
  return {};
}

void MeterSink::append_text(std::string& out) const {
  const std::string name = "pirn_custom_" + options_.name;
  out += "# TYPE " + name + "_total counter\n";
  std::string sums;
  const MutexLock lock(mutex_);
  for (const auto& [labels, series] : series_) {
    std::string of;
    for (size_t i = 0; i < labels.size(); ++i)
      of += (i == 0 ? "{" : ",") + options_.by[i] + "=\"" + escaped(labels[i]) + "\"";
    if (!labels.empty()) of += '}';
    out += name + "_total" + of + " " + std::to_string(series.count) + "\n";
    sums += name + "_seconds_total" + of + " " + general_text(series.seconds, 9) + "\n";
  }
  if (options_.duration) out += "# TYPE " + name + "_seconds_total counter\n" + sums;
}

}  // namespace pirn::events
