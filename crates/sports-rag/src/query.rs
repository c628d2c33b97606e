use serde::{Deserialize, Serialize};

/// How many hits a query returns unless told otherwise.
const DEFAULT_TOP_K: usize = 10;

/// What to look for.
///
/// The text is plain words: no character in it has a meaning of its own, so anything a user types is safe.
///
/// ```
/// use sports_rag::Query;
/// let query = Query::new("shallow squat").with_filter("event", ["squat"]).with_boost("issue", "shallow_squat", 8.0);
/// assert_eq!(query.top_k, 10);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// The words to look for; a word that occurs twice counts twice.
    pub text: String,
    /// Further words with a weight, such as aliases at 0.5.
    pub extra: Vec<(String, f32)>,
    /// Language of the words, ISO 639-1; only passages of that language are found. Empty counts as `en`.
    pub lang: String,
    /// Every filter must hold; a filter holds if the document has any of its values. With filters, all documents that
    /// pass are found, those without a word in common last.
    pub filters: Vec<(String, Vec<String>)>,
    /// Adds to the score of documents with a facet value; such documents are found even without a word in common.
    pub boosts: Vec<Boost>,
    /// Passages that hold these words side by side gain as much again as the words weigh together.
    pub phrases: Vec<String>,
    /// Also try words one typing error away for words the index does not know.
    pub fuzzy: bool,
    /// How many hits to return.
    pub top_k: usize,
    /// How many passages each ranking contributes before fusion, reranking and collapsing.
    pub candidates: usize,
    /// Which rankings count.
    pub fusion: Fusion,
    /// Balance of relevance (1) and variety (0) by maximal marginal relevance; off by default.
    pub mmr: Option<f32>,
    /// Keep only each document's best passage.
    pub collapse: bool,
    /// Say in every hit how its score came about.
    pub explain: bool,
}

/// A facet value that makes a document more welcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boost {
    /// Facet name.
    pub facet: String,
    /// Facet value.
    pub value: String,
    /// Added to the lexical score; BM25 gives a rare word about 5 to 10.
    pub weight: f32,
}

/// Which rankings make the result, and how they are joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fusion {
    /// Words only (BM25).
    #[default]
    Lexical,
    /// Vectors only.
    Dense,
    /// Reciprocal rank fusion: `sum of weight / (k + rank)` (Cormack et al. 2009, where k = 60).
    Rrf {
        /// Damps the first ranks.
        k: f32,
        /// Weight of the lexical ranking.
        lexical: f32,
        /// Weight of the dense ranking.
        dense: f32,
    },
    /// Weighted sum of scores, each scaled to 0..1 over its candidates.
    Linear {
        /// Weight of the lexical score.
        lexical: f32,
        /// Weight of the dense score.
        dense: f32,
    },
}

impl Fusion {
    /// Reciprocal rank fusion with k = 60 and equal weights.
    #[must_use]
    pub fn rrf() -> Self {
        Self::Rrf { k: 60.0, lexical: 1.0, dense: 1.0 }
    }

    pub(crate) fn needs_dense(self) -> Option<&'static str> {
        match self {
            Self::Lexical => None,
            Self::Dense => Some("dense"),
            Self::Rrf { .. } => Some("rrf"),
            Self::Linear { .. } => Some("linear"),
        }
    }

    pub(crate) fn needs_lexical(self) -> bool {
        self != Self::Dense
    }
}

impl Default for Query {
    fn default() -> Self {
        Self {
            text: String::new(),
            extra: Vec::new(),
            lang: "en".into(),
            filters: Vec::new(),
            boosts: Vec::new(),
            phrases: Vec::new(),
            fuzzy: false,
            top_k: DEFAULT_TOP_K,
            candidates: 100,
            fusion: Fusion::Lexical,
            mmr: None,
            collapse: true,
            explain: false,
        }
    }
}

impl Query {
    /// Looks for `text` in English.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Sets the language.
    #[must_use]
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.lang = lang.into();
        self
    }

    /// Adds words that count `weight` times as much as the text.
    #[must_use]
    pub fn with_extra(mut self, text: impl Into<String>, weight: f32) -> Self {
        self.extra.push((text.into(), weight));
        self
    }

    /// Keeps only documents that have one of `values` under `facet`.
    #[must_use]
    pub fn with_filter<V: Into<String>>(
        mut self,
        facet: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.filters.push((facet.into(), values.into_iter().map(Into::into).collect()));
        self
    }

    /// Adds `weight` to the score of documents with this facet value.
    #[must_use]
    pub fn with_boost(
        mut self,
        facet: impl Into<String>,
        value: impl Into<String>,
        weight: f32,
    ) -> Self {
        self.boosts.push(Boost { facet: facet.into(), value: value.into(), weight });
        self
    }

    /// Prefers passages that hold these words side by side.
    #[must_use]
    pub fn with_phrase(mut self, phrase: impl Into<String>) -> Self {
        self.phrases.push(phrase.into());
        self
    }

    /// Tolerates one typing error in words the index does not know; off by default.
    #[must_use]
    pub fn with_fuzzy(mut self, fuzzy: bool) -> Self {
        self.fuzzy = fuzzy;
        self
    }

    /// Sets the number of hits; 10 by default.
    #[must_use]
    pub fn with_top_k(mut self, top_k: usize) -> Self {
        self.top_k = top_k;
        self
    }

    /// Sets how many passages each ranking contributes; 100 by default, and never fewer than `top_k`.
    #[must_use]
    pub fn with_candidates(mut self, candidates: usize) -> Self {
        self.candidates = candidates;
        self
    }

    /// Chooses the rankings; lexical by default.
    #[must_use]
    pub fn with_fusion(mut self, fusion: Fusion) -> Self {
        self.fusion = fusion;
        self
    }

    /// Spreads the hits: 1 keeps the ranking, 0 only avoids repetition.
    #[must_use]
    pub fn with_mmr(mut self, lambda: f32) -> Self {
        self.mmr = Some(lambda);
        self
    }

    /// Whether a document appears once (default) or with each of its passages.
    #[must_use]
    pub fn with_collapse(mut self, collapse: bool) -> Self {
        self.collapse = collapse;
        self
    }

    /// Whether hits carry their explanation.
    #[must_use]
    pub fn with_explain(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }
}
