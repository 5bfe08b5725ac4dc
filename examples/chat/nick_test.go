package main

import (
	"strings"
	"testing"
)

func TestCheckNick(t *testing.T) {
	for _, test := range []struct{ nick, tidy, problem string }{
		{"Ada", "Ada", ""},
		{"  Ada \t Lovelace ", "Ada Lovelace", ""},
		{"Zoë 🙂", "Zoë 🙂", ""},
		{"Zoe\u0308", "Zoë", ""},
		{"Ａｄａ", "Ada", ""}, // fullwidth
		{"محمد", "محمد", ""},
		{strings.Repeat("é", maxNick), strings.Repeat("é", maxNick), ""},
		{strings.Repeat("é", maxNick+1), "", "at most 20 characters"},
		{strings.Repeat("ﷺ", maxNick), "", "at most 20 characters"}, // becomes 18 characters each
		{strings.Repeat("a\u0308", 100_000), "", "at most 20 characters"},
		{"a\xff", "", "at most 20 characters"},
		{" \n", "", "Choose a nick"},
		{"\u3000\u00a0", "", "Choose a nick"},
		{"🙂", "", "at least one letter or digit"},
		{"...", "", "at least one letter or digit"},
		{"Ada\u202e", "", "can be seen"}, // would turn around what follows
		{"A\u200bda", "", "can be seen"}, // would look like Ada
		{"A\u00adda", "", "can be seen"},
		{"\u3164", "", "can be seen"},    // Hangul filler
		{"Ada\u2800", "", "can be seen"}, // braille without dots
		{"Ada\ufe0f", "", "can be seen"},
		{"Ada\U0001d159", "", "can be seen"},        // a notehead without ink
		{"Ada\U00016fe4", "", "can be seen"},        // Khitan filler
		{"\U00013441\U00013444", "", "can be seen"}, // blank hieroglyphs
		{"Ada\U000e0041", "", "can be seen"},
	} {
		tidy, problem := checkNick(test.nick)
		if tidy != test.tidy || !matches(problem, test.problem) {
			t.Errorf("checkNick(%.40q) = %q, %q, want %q, %q", test.nick, tidy, problem, test.tidy, test.problem)
		}
	}
}

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"Zoë", "ZOË", "zoe\u0308", "Ｚｏë"},
		{"Ada Lovelace", "ada  lovelace", "Ada\u00a0Lovelace"},
		{"ΟΔΟΣ", "οδοσ"},
	} {
		for _, nick := range same {
			if fold(nick) != fold(same[0]) {
				t.Errorf("fold(%q) = %q, and fold(%q) = %q", nick, fold(nick), same[0], fold(same[0]))
			}
		}
	}
	if fold("Ada") == fold("Eve") {
		t.Error("Ada and Eve are the same")
	}
}
