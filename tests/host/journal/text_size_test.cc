// What things take where they are stored, and how deep JSON may nest there.
#include "host/journal/text_size.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "host/journal/codec.h"
#include "host/journal/text_writer.h"
#include "tests/host/journal/generate.h"

namespace pirn::journal {
namespace {

// What is counted beyond the text of a thing is so much for each of its parts.
constexpr size_t kSlackOfPart = 64;

size_t written(const Value& value) {
  std::string out;
  append_json(out, value);
  return out.size();
}

// Long texts are measured and written many bytes at once.
TEST(TextSize, OfLongTextsIsWhatIsWritten) {
  for (size_t size = 0; size < 200; ++size)
    for (int c = 0; c < 256; ++c) {
      std::string text(size, static_cast<char>(c < 0x80 ? c : 'x'));
      for (size_t at = static_cast<size_t>(c) % 7; at < size; at += 7) text[at] = 'y';
      TextWriter written;
      written.text(text);
      std::string plain = "\"";
      for (const char each : text) {
        std::string one;
        append_json_string(one, std::string_view(&each, 1));
        plain += one.substr(1, one.size() - 2);
      }
      plain += '"';
      ASSERT_EQ(written.view(), plain) << size << " of " << c;
      ASSERT_EQ(text_size(text), plain.size()) << size << " of " << c;
    }
  // More of a kind than a byte can count.
  const std::string controls(100'000, '\x01'), quotes(100'000, '"'), lines(100'000, '\n');
  EXPECT_EQ(text_size(controls), 600'002u);
  EXPECT_EQ(text_size(quotes), 200'002u);
  EXPECT_EQ(text_size(lines), 200'002u);
}

RC_GTEST_PROP(TextSize, IsNeverLessThanWhatIsWritten, ()) {
  const std::string text = any_text();
  std::string json;
  append_json_string(json, text);
  RC_ASSERT(text_size(text) == json.size());

  const Value value = any_value();
  RC_ASSERT(text_size(value) >= written(value));
  RC_ASSERT(text_size(value) <= written(value) + kSlackOfPart);

  if (const ResultPtr result = any_result()) {
    std::string out;
    append_result(out, *result);
    RC_ASSERT(text_size(*result) >= out.size());
    const size_t parts = 1 + (result->is_map ? result->map.entries.size() : 0);
    size_t deleted = 0;
    for (const Delta::Entry& entry : result->map.entries)
      if (entry.unset) deleted += 2 + text_size(entry.key);
    RC_ASSERT(text_size(*result) <= out.size() + deleted + parts * kSlackOfPart);
  }
  if (const ErrorPtr error = any_error()) {
    std::string out;
    append_error(out, *error);
    RC_ASSERT(text_size(*error) >= out.size());
    RC_ASSERT(text_size(*error) <= out.size() + kSlackOfPart);
  }
}

RC_GTEST_PROP(TextSize, ABeginningIsOfWholeCharactersAndFits, ()) {
  const std::string text = any_text();
  const size_t size = *rc::gen::inRange<size_t>(0, 40);
  const std::string_view kept = begin_within(text, size);
  RC_ASSERT(std::string_view(text).starts_with(kept));
  RC_ASSERT(valid_utf8(kept));
  RC_ASSERT(text_size(kept) <= size + 2);
  RC_ASSERT(kept.size() == text.size() || text_size(text) > size + 2);
}

std::string nested(size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Depth, OfWhatIsGivenAndOfWhatIsKept) {
  EXPECT_TRUE(parse_value(nested(32)));
  EXPECT_EQ(parse_value(nested(33)).error().code, Code::malformed_json);
  EXPECT_TRUE(parse_object("{\"k\":" + nested(31) + "}"));
  EXPECT_EQ(parse_object("{\"k\":" + nested(32) + "}").error().code, Code::malformed_json);
  // Kept it stands deeper: under a context_key of each of eight workflows that contain each other, in an
  // error's details of each of them, and in a commit.
  std::string details = nested(32);
  for (int level = 0; level < 8; ++level)
    details = canonical_own("{\"error\":{\"code\":\"nested_workflow_failed\",\"details\":" + details + "}}");
  const std::vector<std::string> names{"a"};
  TextWriter body;
  begin_body(body, 1);
  const auto error = std::make_shared<const StepError>(StepError{"e", "", {}, details});
  append_event(body, true, 1, StepFailed{0, error}, names);
  end_body(body);
  const auto commit = decode_commit(body.view(), kSchema);
  ASSERT_TRUE(commit) << describe(commit.error());
  EXPECT_EQ(std::get<StepFailed>(commit->records[0]).error->details, details);
}

}  // namespace
}  // namespace pirn::journal
