//! From text to index terms, per language.
//!
//! One word finder serves all languages and follows the script it meets: Chinese, Japanese and Korean runs become
//! overlapping pairs of characters, Thai, Lao, Khmer and Burmese runs are cut by ICU's segmenter, everything else is
//! cut into words. What happens to a word then depends on the language: lower case, stemming.

use std::sync::LazyLock;

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;
use rustc_hash::FxHashMap;
use tantivy::tokenizer::{
    Language, RawTokenizer, Stemmer, StopWordFilter, TextAnalyzer, Token, TokenStream, Tokenizer,
};

/// Joins a language code and a term in the index, so that languages never share statistics.
const MARK: char = '\u{1f}';
/// Longer words are dropped: they are rubbish or addresses. Ours; Lucene's limit is 255 characters.
const MAX_WORD_BYTES: usize = 120;
/// How many words' stems an indexing thread remembers; a few megabytes.
const MAX_KNOWN_WORDS: usize = 50_000;

/// Languages with a stemmer, by ISO 639-1 code.
const STEMMED: [(&str, Language); 18] = [
    ("ar", Language::Arabic),
    ("da", Language::Danish),
    ("nl", Language::Dutch),
    ("en", Language::English),
    ("fi", Language::Finnish),
    ("fr", Language::French),
    ("de", Language::German),
    ("el", Language::Greek),
    ("hu", Language::Hungarian),
    ("it", Language::Italian),
    ("no", Language::Norwegian),
    ("pt", Language::Portuguese),
    ("ro", Language::Romanian),
    ("ru", Language::Russian),
    ("es", Language::Spanish),
    ("sv", Language::Swedish),
    ("ta", Language::Tamil),
    ("tr", Language::Turkish),
];

/// The code used in the index for a language: lower case, region cut off, empty read as `en`.
pub(crate) fn base_lang(lang: &str) -> String {
    let base = lang.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    if base.is_empty() { "en".into() } else { base }
}

/// A term and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Index terms of `text` in the order they occur.
pub(crate) fn terms(lang: &str, text: &str) -> Vec<Term> {
    collect(analyzer(&base_lang(lang)), text)
}

/// As [`terms`] without the language's function words, unless the text has no others.
pub(crate) fn query_terms(lang: &str, text: &str) -> Vec<Term> {
    let found = collect(query_analyzer(&base_lang(lang)), text);
    if found.is_empty() { terms(lang, text) } else { found }
}

fn collect(mut analyzer: TextAnalyzer, text: &str) -> Vec<Term> {
    let mut stream = analyzer.token_stream(text);
    let mut terms = Vec::new();
    stream.process(&mut |token: &Token| {
        if !token.text.is_empty() {
            terms.push(Term {
                text: token.text.clone(),
                start: token.offset_from,
                end: token.offset_to,
            });
        }
    });
    terms
}

/// The form of a term in the index.
pub(crate) fn index_term(lang: &str, term: &str) -> String {
    format!("{lang}{MARK}{term}")
}

/// A field's text as handed to [`ByLanguage`], which reads the language off its front.
pub(crate) fn marked(lang: &str, text: &str) -> String {
    format!("{lang}{MARK}{text}")
}

/// The language's analyser for documents: words, lower case, stems.
fn analyzer(lang: &str) -> TextAnalyzer {
    let builder = TextAnalyzer::builder(Words::of(lang));
    match stemmer(lang) {
        Some(language) => builder.filter(Stemmer::new(language)).build(),
        None => builder.build(),
    }
}

/// As [`analyzer`], without function words.
fn query_analyzer(lang: &str) -> TextAnalyzer {
    let mut builder = TextAnalyzer::builder(Words::of(lang)).dynamic();
    if let Some(language) = stemmer(lang) {
        if let Some(filter) = StopWordFilter::new(language) {
            builder = builder.filter_dynamic(filter);
        }
        if language == Language::English {
            builder =
                builder.filter_dynamic(StopWordFilter::remove(MORE_ENGLISH.map(String::from)));
        }
        builder = builder.filter_dynamic(Stemmer::new(language));
    }
    builder.build()
}

fn stemmer(lang: &str) -> Option<Language> {
    STEMMED.iter().find(|(code, _)| *code == lang).map(|(_, language)| *language)
}

/// English function words beyond Lucene's short list: pronouns, auxiliaries, question words, quantifiers. Ours; words
/// for places and directions (above, under, between) are kept, as they matter in anatomy and technique.
const MORE_ENGLISH: [&str; 77] = [
    "about",
    "all",
    "also",
    "am",
    "any",
    "because",
    "been",
    "being",
    "both",
    "can",
    "cannot",
    "could",
    "did",
    "do",
    "does",
    "doing",
    "done",
    "each",
    "few",
    "from",
    "had",
    "has",
    "have",
    "having",
    "he",
    "her",
    "here",
    "hers",
    "him",
    "his",
    "how",
    "i",
    "its",
    "itself",
    "just",
    "may",
    "me",
    "might",
    "more",
    "most",
    "must",
    "my",
    "only",
    "other",
    "our",
    "ours",
    "same",
    "shall",
    "she",
    "should",
    "so",
    "some",
    "than",
    "them",
    "themselves",
    "those",
    "too",
    "until",
    "upon",
    "us",
    "very",
    "we",
    "were",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "while",
    "who",
    "whom",
    "whose",
    "why",
    "would",
    "you",
    "your",
    "yours",
];

/// The tokenizer of every text field: reads `LANG U+001F TEXT` and gives terms with the language in front.
#[derive(Clone, Default)]
pub(crate) struct ByLanguage {
    lang: String,
    words: Words,
    stemmer: Option<TextAnalyzer>,
    /// Index terms of words met before: stemming is the dearest step, and words repeat.
    known: FxHashMap<String, String>,
}

impl Tokenizer for ByLanguage {
    type TokenStream<'a> = MarkedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> MarkedStream<'a> {
        let (lang, text) = text.split_once(MARK).unwrap_or(("en", text));
        if self.lang != lang {
            self.lang = lang.to_string();
            self.words = Words::of(lang);
            self.stemmer = stemmer(lang).map(|language| {
                TextAnalyzer::builder(RawTokenizer::default())
                    .filter(Stemmer::new(language))
                    .build()
            });
            self.known.clear();
        }
        if self.known.len() > MAX_KNOWN_WORDS {
            self.known.clear();
        }
        let Self { lang, words, stemmer, known } = self;
        MarkedStream { lang, tail: words.token_stream(text), stemmer: stemmer.as_mut(), known }
    }
}

pub(crate) struct MarkedStream<'a> {
    lang: &'a str,
    tail: WordStream<'a>,
    stemmer: Option<&'a mut TextAnalyzer>,
    known: &'a mut FxHashMap<String, String>,
}

impl TokenStream for MarkedStream<'_> {
    fn advance(&mut self) -> bool {
        while self.tail.advance() {
            let token = self.tail.token_mut();
            if let Some(term) = self.known.get(&token.text) {
                token.text.clear();
                token.text.push_str(term);
            } else {
                let stem = match &mut self.stemmer {
                    Some(stemmer) => stemmer
                        .token_stream(&token.text)
                        .next()
                        .map_or_else(String::new, |t| t.text.clone()),
                    None => token.text.clone(),
                };
                // A stemmer may leave nothing.
                let term = if stem.is_empty() { stem } else { index_term(self.lang, &stem) };
                self.known.insert(std::mem::replace(&mut token.text, term.clone()), term);
            }
            if !token.text.is_empty() {
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.tail.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.tail.token_mut()
    }
}

/// How a language writes capitals small.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Lower {
    #[default]
    Unicode,
    /// Dotted and dotless i are two letters.
    Turkish,
    /// As Unicode; the possessive ending is cut as well.
    English,
}

impl Lower {
    fn of(lang: &str) -> Self {
        match lang {
            "tr" | "az" => Self::Turkish,
            "en" => Self::English,
            _ => Self::Unicode,
        }
    }

    fn write(self, word: &str, out: &mut String) {
        out.clear();
        if word.is_ascii() && self != Self::Turkish {
            out.push_str(word);
            out.make_ascii_lowercase();
        } else {
            self.write_unicode(word, out);
        }
        if self == Self::English
            && let Some(stem) = out.strip_suffix("'s")
        {
            out.truncate(stem.len());
        }
    }

    fn write_unicode(self, word: &str, out: &mut String) {
        for c in word.chars() {
            match (self, c) {
                (Self::Turkish, 'I') => out.push('ı'),
                (Self::Turkish, 'İ') => out.push('i'),
                (_, '’') => out.push('\''),
                _ if c.is_ascii() => out.push(c.to_ascii_lowercase()),
                _ => out.extend(c.to_lowercase()),
            }
        }
    }
}

/// What kind of writing a character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// Not part of a word.
    None,
    /// Written with spaces between words.
    Spaced,
    /// Chinese, Japanese, Korean: no spaces, two characters make most words.
    Pairs,
    /// Thai, Lao, Khmer, Burmese: no spaces, words of varying length.
    Dictionary,
}

fn script(c: char) -> Script {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Script::Spaced } else { Script::None };
    }
    match c as u32 {
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF if c != '฿' => Script::Dictionary,
        0x3005..=0x3007
        | 0x3040..=0x30FF
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xAC00..=0xD7AF
        | 0xF900..=0xFAFF
        | 0x20000..=0x3FFFF
            if c.is_alphanumeric() || c == '々' =>
        {
            Script::Pairs
        }
        _ if c.is_alphanumeric() || is_mark(c) => Script::Spaced,
        _ => Script::None,
    }
}

/// Combining marks that belong to a word though Unicode does not call them alphabetic: accents set apart, Arabic
/// vowel signs, and the viramas and nuktas that would cut every second Hindi word in two.
fn is_mark(c: char) -> bool {
    matches!(c as u32,
        0x0300..=0x036F | 0x0591..=0x05C7 | 0x0610..=0x061A | 0x064B..=0x065F | 0x0670 | 0x06D6..=0x06ED
        | 0x093C | 0x094D | 0x09BC | 0x09CD | 0x0A3C | 0x0A4D | 0x0ABC | 0x0ACD | 0x0B3C | 0x0B4D | 0x0BCD
        | 0x0C4D | 0x0CBC | 0x0CCD | 0x0D4D | 0x0DCA | 0x200C | 0x200D)
}

/// ICU's word breaker, with the trained model for the scripts that need one.
static SEGMENTER: LazyLock<icu_segmenter::WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));

/// Cuts text into lower-case words, pairs or dictionary words, by script.
#[derive(Clone, Default)]
struct Words {
    lower: Lower,
    token: Token,
}

impl Words {
    fn of(lang: &str) -> Self {
        Self { lower: Lower::of(lang), token: Token::default() }
    }
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, at: 0, lower: self.lower, pending: Vec::new(), token: &mut self.token }
    }
}

struct WordStream<'a> {
    text: &'a str,
    at: usize,
    lower: Lower,
    /// Pieces of the present run, last first.
    pending: Vec<(usize, usize)>,
    token: &'a mut Token,
}

impl WordStream<'_> {
    /// The common case, byte by byte: the next run, if it is of ASCII letters and digits and ASCII follows.
    fn ascii_word(&mut self) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let start = self.at
            + bytes[self.at..].iter().position(|b| !b.is_ascii() || b.is_ascii_alphanumeric())?;
        let length = bytes[start..].iter().position(|byte| !byte.is_ascii_alphanumeric());
        let end = length.map_or(bytes.len(), |length| start + length);
        // An apostrophe may go on, a mark beyond ASCII may belong to the word.
        let ends = bytes.get(end).is_none_or(|byte| byte.is_ascii() && *byte != b'\'');
        (end > start && ends).then(|| {
            self.at = end;
            (start, end)
        })
    }

    /// Fills `pending` from the next run of one script; false at the end of the text.
    fn next_run(&mut self) -> bool {
        if let Some(word) = self.ascii_word() {
            self.pending.push(word);
            return true;
        }
        let rest = &self.text[self.at..];
        let Some((skip, first)) = rest.char_indices().find(|(_, c)| script(*c) != Script::None)
        else {
            self.at = self.text.len();
            return false;
        };
        let (start, kind) = (self.at + skip, script(first));
        let mut end = start + first.len_utf8();
        let mut chars = self.text[end..].chars().peekable();
        while let Some(c) = chars.next() {
            let inner_apostrophe = self.lower == Lower::English
                && matches!(c, '\'' | '’')
                && chars
                    .peek()
                    .is_some_and(|next| next.is_alphabetic() && script(*next) == Script::Spaced);
            // A mark continues whatever it follows.
            if script(c) != kind
                && !(kind == Script::Spaced && inner_apostrophe)
                && !(kind != Script::None && is_mark(c))
            {
                break;
            }
            end += c.len_utf8();
        }
        self.at = end;
        let run = &self.text[start..end];
        match kind {
            Script::None | Script::Spaced => self.pending.push((start, end)),
            Script::Pairs => self
                .pending
                .extend(pairs(run).into_iter().rev().map(|(s, e)| (start + s, start + e))),
            Script::Dictionary => {
                let breaks: Vec<usize> = SEGMENTER.segment_str(run).collect();
                self.pending
                    .extend(breaks.windows(2).rev().map(|pair| (start + pair[0], start + pair[1])));
            }
        }
        true
    }
}

/// Overlapping pairs of characters; a lone character stands for itself.
fn pairs(run: &str) -> Vec<(usize, usize)> {
    let mut bounds: Vec<usize> = run.char_indices().map(|(i, _)| i).collect();
    bounds.push(run.len());
    match bounds.len() {
        0 | 1 => Vec::new(),
        2 => vec![(0, run.len())],
        _ => bounds.windows(3).map(|three| (three[0], three[2])).collect(),
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            while let Some((start, end)) = self.pending.pop() {
                if end - start > MAX_WORD_BYTES {
                    continue;
                }
                self.token.offset_from = start;
                self.token.offset_to = end;
                self.token.position = self.token.position.wrapping_add(1);
                self.lower.write(&self.text[start..end], &mut self.token.text);
                return true;
            }
            if !self.next_run() {
                return false;
            }
        }
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lang: &str, text: &str, expected: &[&str]) {
        let found = terms(lang, text);
        assert_eq!(found.iter().map(|term| term.text.as_str()).collect::<Vec<_>>(), expected);
        for term in found {
            assert!(text.get(term.start..term.end).is_some_and(|piece| !piece.is_empty()));
        }
    }

    #[test]
    fn english_words_are_stemmed_and_lose_the_possessive() {
        check("en", "The athlete's knees, flexing!", &["the", "athlet", "knee", "flex"]);
        check("en-GB", "don't", &["don't"]);
    }

    #[test]
    fn chinese_runs_become_overlapping_pairs_beside_latin_words() {
        check("zh", "深蹲squat，膝", &["深蹲", "squat", "膝"]);
        check("zh", "膝关节", &["膝关", "关节"]);
    }

    #[test]
    fn thai_is_cut_into_words() {
        check("th", "กระโดดไกล", &["กระโดด", "ไกล"]);
    }

    #[test]
    fn hindi_words_stay_whole() {
        check("hi", "घुटने अक्सर", &["घुटने", "अक्सर"]);
    }

    #[test]
    fn turkish_keeps_two_kinds_of_i() {
        check("tr", "ILIK", &["ılık"]);
    }

    #[test]
    fn documents_and_queries_see_the_same_terms() {
        let mut tokenizer = ByLanguage::default();
        for (lang, text) in [
            ("en", "The athlete’s knees weren't flexing; café naïve ﬁve x2"),
            ("de", "Kniebeugen über die Straße"),
            ("ar", "الركبة والكاحل"),
            ("tr", "DİZ ILIK"),
            ("zh", "深蹲squat膝"),
            ("th", "กระโดดไกล 20 ครั้ง"),
            ("en", "knees"),
        ] {
            let marked = marked(lang, text);
            let mut found = Vec::new();
            tokenizer
                .token_stream(&marked)
                .process(&mut |token: &Token| found.push(token.text.clone()));
            let expected: Vec<String> =
                terms(lang, text).iter().map(|term| index_term(lang, &term.text)).collect();
            assert_eq!(found, expected, "{lang}");
        }
    }

    #[test]
    fn empty_and_symbol_texts_have_no_terms() {
        check("en", "", &[]);
        check("en", " & - : \" ( + ~ \u{1f}", &[]);
    }
}
