#include "registry/token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "tests/registry/scratch.h"

namespace pirn::registry {
namespace {

TEST(Token, HasTheFormThatTheHeaderPromises) {
  const Token token = *mint_token();
  const std::string text = token.text();
  EXPECT_TRUE(text.starts_with("pirn_" + token.id + "_" + token.secret + "_"));
  EXPECT_EQ(token.id.size(), 10u);
  EXPECT_EQ(token.secret.size(), 64u);
  const auto parsed = parse_token(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, token.id);
  EXPECT_EQ(parsed->secret, token.secret);
}

TEST(Token, EveryMintedOneIsAnother) {
  std::set<std::string> ids, secrets;
  for (int i = 0; i < 100; ++i) {
    const Token token = *mint_token();
    ids.insert(token.id);
    secrets.insert(token.secret);
  }
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(secrets.size(), 100u);
}

TEST(Token, EveryMistypedCharacterAndEveryTruncationIsNoticed) {
  const std::string text = mint_token()->text();
  for (size_t i = 0; i < text.size(); ++i) {
    std::string wrong = text;
    wrong[i] = wrong[i] == '7' ? '8' : '7';
    EXPECT_EQ(parse_token(wrong).error().code, Code::unauthenticated) << i;
    EXPECT_FALSE(parse_token(text.substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_token(text + "0"));
  EXPECT_FALSE(parse_token(""));
}

TEST(Mac, DependsOnPepperIdAndSecret) {
  const Pepper pepper = *random_pepper(), other = *random_pepper();
  const Token a = *mint_token(), b = *mint_token();
  EXPECT_EQ(mac(pepper, a), mac(pepper, a));
  EXPECT_NE(mac(pepper, a), mac(other, a));
  EXPECT_NE(mac(pepper, a), mac(pepper, b));
  EXPECT_NE(mac(pepper, a), mac(pepper, Token{b.id, a.secret}));
  EXPECT_TRUE(equal_in_constant_time(mac(pepper, a), mac(pepper, a)));
  EXPECT_FALSE(equal_in_constant_time(mac(pepper, a), mac(pepper, b)));
}

// RFC 4231, test case 2.
TEST(Mac, IsHmacSha256) {
  Pepper pepper{};
  std::copy_n("Jefe", 4, pepper.begin());  // a key is padded with zeros
  EXPECT_EQ(mac(pepper, "what do ya want for nothing?").hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(PepperFile, IsMadeOnceAndReadableByItsOwnerOnly) {
  const Scratch scratch;
  const auto made = open_pepper(scratch / "pepper", true);
  ASSERT_TRUE(made);
  struct stat status {};
  ASSERT_EQ(stat((scratch / "pepper").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(*open_pepper(scratch / "pepper", false), *made);
  EXPECT_EQ(*open_pepper(scratch / "pepper", true), *made);
}

TEST(PepperFile, MissingOrDamagedIsSaid) {
  const Scratch scratch;
  EXPECT_EQ(open_pepper(scratch / "pepper", false).error().code, Code::pepper_lost);
  std::ofstream(scratch / "pepper") << "short\n";
  ASSERT_EQ(chmod((scratch / "pepper").c_str(), 0600), 0);
  EXPECT_EQ(open_pepper(scratch / "pepper", true).error().code, Code::pepper_lost);
}

}  // namespace
}  // namespace pirn::registry
