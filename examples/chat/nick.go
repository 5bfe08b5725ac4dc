package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

const maxNick = 20 // characters

// checkNick returns a nick as it is shown, and, for one that is refused, what is
// wrong with it. The PRECIS profile for nicknames (RFC 8266) replaces characters that
// look the same by one of them, and refuses those that cannot be seen.
func checkNick(nick string) (tidy, problem string) {
	if !utf8.ValidString(nick) || len(nick) > 16*maxNick {
		return "", tooLong
	}
	nick = strings.Join(strings.Fields(nick), " ")
	if nick == "" {
		return "", "Choose a nick."
	}
	tidy, err := precis.Nickname.String(nick)
	switch {
	case err != nil:
		return "", "A nick has only characters that can be seen."
	case utf8.RuneCountInString(tidy) > maxNick:
		return "", tooLong
	case strings.ContainsFunc(tidy, isBlank):
		return "", "A nick has only characters that can be seen."
	case !strings.ContainsFunc(tidy, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }):
		return "", "A nick has at least one letter or digit."
	}
	return tidy, ""
}

var tooLong = fmt.Sprintf("A nick has at most %d characters.", maxNick)

// isBlank reports whether r is one of the characters without ink that the profile allows:
// the braille pattern without dots, and what fills places in other scripts.
func isBlank(r rune) bool {
	switch r {
	case '\u2800', '\U0001d159', '\U00016fe4', '\U00013441', '\U00013442', '\U00013443', '\U00013444':
		return true
	}
	return false
}

// fold makes nicks equal that a reader takes for the same: those that differ in case,
// width or the way their accents are written.
func fold(nick string) string {
	key, err := precis.Nickname.CompareKey(nick)
	if err != nil { // not a nick that checkNick accepts, so no member has it
		return ""
	}
	return key
}
