// What the row of an execution says twice, and what it shares with others.
#include <gtest/gtest.h>

#include "host/journal/codec.h"

namespace pirn::journal {
namespace {

const Origin kOrigin{.tenant = "t", .package = "p", .version = "1.0.0", .workflow = "w", .pins = {Digest{}}};

std::string text_of(const ExecutionState& state) {
  TextWriter text;
  append_state(text, state, {}, "{}");
  return std::string(text.view());
}
OriginPtr origin_in(const StateColumns& columns, std::string_view text, const OriginPtr& known) {
  return decode_state(columns, text, known).value().state.origin;
}

TEST(Row, StatesOfOneOriginShareIt) {
  Origin longer = kOrigin;
  longer.definition_schema = 12;  // its text begins as the first one's does
  ExecutionState one, other;
  one.origin = make_origin(kOrigin);
  other.origin = make_origin(longer);
  const std::string text = text_of(one);
  StateColumns columns = columns_of(one);
  EXPECT_EQ(origin_in(columns, text, one.origin), one.origin);
  EXPECT_EQ(*origin_in(columns, text, other.origin), *one.origin);
  EXPECT_EQ(*origin_in(columns_of(other), text_of(other), one.origin), *other.origin);
  // The text is the same, and a column is not.
  columns.workflow = "v";
  EXPECT_EQ(origin_in(columns, text, one.origin)->workflow, "v");
}

TEST(Row, TextThatRepeatsTheColumnsIsRead) {
  ExecutionState state;
  state.origin = make_origin(kOrigin);
  state.id = state.root = {7};
  state.state = State::completed;
  state.attempt = 1;
  state.created_at = 5;
  std::string text = text_of(state);
  text.replace(0, 1,
               R"({"id":"0000000000007","tenant":"t","pins":[")" + Digest{}.hex() +
                   R"("],"root":"0000000000007","state":"completed","attempt":1,"created_at":5,)");
  const auto decoded = decode_state(columns_of(state), text);
  ASSERT_TRUE(decoded) << describe(decoded.error());
  EXPECT_EQ(text_of(decoded->state), text_of(state));
  EXPECT_EQ(decoded->state.id, state.id);
  EXPECT_EQ(decoded->state.created_at, 5);
}

TEST(Row, AnotherReleaseThanTheFirstPinIsDamage) {
  ExecutionState state;
  Origin origin = kOrigin;
  origin.pins.emplace_back().bytes[0] = 1;
  state.origin = make_origin(origin);
  const std::string text = text_of(state);
  StateColumns columns = columns_of(state);
  EXPECT_EQ(origin_in(columns, text, nullptr)->pins, origin.pins);
  columns.release.bytes[0] = 9;
  EXPECT_EQ(decode_state(columns, text).error().code, Code::journal_corrupt);
}

}  // namespace
}  // namespace pirn::journal
