// The workflow shapes of the orchestration package: its quick start, linear, parallel, map-reduce and
// conditional workflows.
//
// From document 4 (workflow orchestration): "Quick Start" (data_pipeline) and "Advanced Workflow Patterns"
// (linear, parallel, map_reduce, conditional). Its execution modes are the option `strategy`.
//
// Corrected: The document's quick start depends on a step by name, although the document's own code only has
// generated ids. Here steps are known by name.
//
// To run it, pack it as README.md shows, then:
//   pirn run map_reduce --local --package orchestration.pirn --input '{}'
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

// ---- data_pipeline: extract, transform, load

PIRN_TASK(extract_data) {
  const auto source = ctx.param<std::string>("source");
  if (!ctx.has(source)) return pirn::fail("no_source", "the input has no \"" + source + "\"", pirn::terminal);
  return pirn::ok({{"rows", ctx.get<std::vector<int64_t>>(source)}});
}
PIRN_TASK(transform_data) {
  std::vector<int64_t> doubled;
  for (int64_t row : ctx.result<std::vector<int64_t>>("extract", "rows")) doubled.push_back(2 * row);
  return pirn::ok({{"rows", doubled}});
}
PIRN_TASK(load_data) {
  const auto rows = ctx.result<std::vector<int64_t>>("transform", "rows");
  return pirn::ok({{"loaded", rows.size()}});
}
auto data_pipeline() {
  return pirn::workflow("data_pipeline",
                        {.description = "Process data workflow", .strategy = pirn::strategy::parallel})
      .step<"extract">(extract_data, {.params = {{"source", "database"}}})
      .step<"transform">(transform_data)
      .after("extract")
      .step<"load">(load_data)
      .after("transform");
}

// ---- linear: three steps one after the other, each of which works on what the one before left

PIRN_TASK(trim_text) {
  const auto text = ctx.get<std::string>("text");
  const size_t first = text.find_first_not_of(' ');
  if (first == text.npos) return pirn::fail("empty_text", "there is nothing but blanks", pirn::terminal);
  return pirn::ok({{"text", text.substr(first, text.find_last_not_of(' ') - first + 1)}});
}
PIRN_TASK(shout) {
  std::string text = ctx.get<std::string>("text");
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return pirn::ok({{"text", text}});
}
PIRN_TASK(exclaim) { return pirn::ok({{"text", ctx.get<std::string>("text") + "!"}}); }
auto linear() {
  return pirn::linear("linear", {.strategy = pirn::strategy::sequential}, trim_text, shout, exclaim);
}

// ---- parallel: independent figures of the same numbers

PIRN_TASK(count_numbers) { return pirn::ok({{"count", ctx.get<std::vector<int64_t>>("numbers").size()}}); }
PIRN_TASK(sum_numbers) {
  int64_t sum = 0;
  for (int64_t number : ctx.get<std::vector<int64_t>>("numbers")) sum += number;
  return pirn::ok({{"sum", sum}});
}
PIRN_TASK(largest_number) {
  const auto numbers = ctx.get<std::vector<int64_t>>("numbers");
  if (numbers.empty()) return pirn::fail("no_numbers", "of none there is no largest", pirn::terminal);
  int64_t largest = numbers.front();
  for (int64_t number : numbers) largest = number > largest ? number : largest;
  return pirn::ok({{"largest", largest}});
}
auto parallel() { return pirn::side_by_side("parallel", {}, count_numbers, sum_numbers, largest_number); }

// ---- map_reduce: the words of each chunk are counted in a step of its own, and added up in the last

PIRN_TASK(count_words) {
  const auto text = ctx.param<std::string>("data");
  int64_t words = 0;
  bool inside = false;
  for (char c : text) {
    words += !inside && c != ' ' ? 1 : 0;
    inside = c != ' ';
  }
  if (words == 0) return pirn::fail("empty_chunk", "a chunk without words", pirn::terminal);
  return pirn::ok({{"words", words}});
}
PIRN_TASK(add_up) {
  int64_t words = 0;
  for (const char* chunk : {"map_chunk_1", "map_chunk_2", "map_chunk_3"})
    words += ctx.get<pirn::json::View>(chunk).get<int64_t>("words");
  return pirn::ok({{"words", words}});
}
auto map_reduce() {
  return pirn::map_reduce("map_reduce", {.step_concurrency = 2}, count_words,
                          {"the quick brown fox", "jumps over", "the lazy dog"}, add_up);
}

// ---- conditional: what the data are decides what is done with them

PIRN_TASK(look_at) { return pirn::ok({{"rows", ctx.get<std::vector<int64_t>>("data").size()}}); }
PIRN_TASK(process_at_once) { return pirn::ok({{"processed", "at once"}}); }
PIRN_TASK(process_in_parts) { return pirn::ok({{"processed", "in parts"}}); }
PIRN_TASK(finish) { return pirn::ok({{"finished", true}}); }
auto conditional() {
  return pirn::workflow("conditional", {.strategy = pirn::strategy::hybrid})
      .step<"look">(look_at)
      .branch("look", pirn::arm<"small">(pirn::path("rows") <= 3, process_at_once),
              pirn::arm<"large">(pirn::path("rows") > 3, process_in_parts))
      .fan_in<"finish">({"small", "large"}, finish);
}

PIRN_PACKAGE("orchestration", PIRN_PACKAGE_VERSION, {.description = "The shapes of orchestration"},
             data_pipeline, linear, parallel, map_reduce, conditional)
