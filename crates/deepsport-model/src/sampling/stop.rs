//! Stopping on text, wherever token borders fall.

/// Strings that end a reply, watched for in text that arrives in pieces.
///
/// `</answer>` is several tokens, and its last one may hold what follows as well, so ids cannot be compared.
///
/// ```
/// use deepsport_model::sampling::StopStrings;
/// let mut stop = StopStrings::new(["</answer>"]);
/// assert_eq!(stop.push("<answer>B</ans").text, "<answer>B"); // what may be the beginning is withheld
/// let watched = stop.push("wer>\nBye");
/// assert_eq!((watched.text.as_str(), watched.hit), ("", Some(0)));
/// ```
#[derive(Debug, Clone)]
pub struct StopStrings {
    strings: Vec<String>,
    withheld: String,
}

/// What is certain after a piece of text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// Text that can be shown: no part of a stop string.
    pub text: String,
    /// Which string was found, by its place in the list; its text and what follows it are in no `text`.
    pub hit: Option<usize>,
}

impl StopStrings {
    /// Watches for these; empty ones are ignored.
    #[must_use]
    pub fn new(strings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { strings: strings.into_iter().map(Into::into).collect(), withheld: String::new() }
    }

    /// The strings, in the order given.
    #[must_use]
    pub fn strings(&self) -> &[String] {
        &self.strings
    }

    /// Takes the next piece of text. Of several strings the one that begins first is found, of those that begin together the
    /// longest.
    pub fn push(&mut self, piece: &str) -> Watched {
        self.withheld.push_str(piece);
        let found = self
            .strings
            .iter()
            .enumerate()
            .filter(|(_, string)| !string.is_empty())
            .filter_map(|(i, string)| Some((self.withheld.find(string)?, string.len(), i)))
            .min_by_key(|&(start, len, i)| (start, usize::MAX - len, i));
        if let Some((start, _, i)) = found {
            let mut text = std::mem::take(&mut self.withheld);
            text.truncate(start);
            return Watched { text, hit: Some(i) };
        }
        let certain = self.withheld.len() - self.beginning_at_end();
        let rest = self.withheld.split_off(certain);
        Watched { text: std::mem::replace(&mut self.withheld, rest), hit: None }
    }

    /// What was withheld when the text ends without a stop string.
    #[must_use]
    pub fn finish(self) -> String {
        self.withheld
    }

    /// Length of the longest end of the text that begins one of the strings.
    fn beginning_at_end(&self) -> usize {
        let text = &self.withheld;
        let begins = |start: usize| self.strings.iter().any(|s| s.starts_with(&text[start..]));
        text.char_indices()
            .map(|(start, _)| start)
            .find(|&start| begins(start))
            .map_or(0, |start| text.len() - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_earliest_and_then_the_longest_is_found() {
        let watched = StopStrings::new(["", "b", "bc", "c"]).push("abcd");
        assert_eq!(watched, Watched { text: "a".into(), hit: Some(2) });
    }

    proptest! {
        /// However the text is cut, what is shown is the text before the first stop string.
        #[test]
        fn cuts_change_nothing(text in "[abé<]{0,24}", cuts in prop::collection::vec(0usize..24, 0..6)) {
            let strings = ["ab<", "é<", "bbb"];
            let expected = strings.iter().filter_map(|s| text.find(s)).min().map_or(&text[..], |at| &text[..at]);
            let mut at: Vec<usize> = cuts.into_iter().filter(|&i| text.is_char_boundary(i.min(text.len()))).map(|i| i.min(text.len())).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let mut stop = StopStrings::new(strings);
            let mut shown = String::new();
            let mut hit = None;
            for pair in at.windows(2) {
                let watched = stop.push(&text[pair[0]..pair[1]]);
                shown += &watched.text;
                hit = watched.hit;
                if hit.is_some() { break }
            }
            if hit.is_none() { shown += &stop.finish(); }
            prop_assert_eq!(hit.is_some(), expected.len() < text.len());
            prop_assert_eq!(shown, expected);
        }
    }
}
