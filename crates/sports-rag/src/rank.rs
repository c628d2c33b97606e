//! BM25 over the index's posting lists, term by term.
//!
//! tantivy's own scorer fixes k1 and b, counts deleted passages until a merge, and adds up scores in an order that
//! depends on the segments. Here statistics cover the living passages of one language and contributions are added in
//! one fixed order, so that a store ranks exactly as its rebuilt twin, bit for bit.

use std::cmp::Ordering;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::TermInfo;
use tantivy::query::{EnableScoring, PhraseQuery, Query as _};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, InvertedIndexReader, Result, TERMINATED, Term};

use crate::hit::Contribution;
use crate::schema::TEXT_FIELDS;
use crate::snapshot::{LangStats, Segment, Snapshot};
use crate::wanted::Wanted;
use crate::{Query, analysis};

/// What a word one typing error away counts, beside 1 for a word as typed. Ours.
const FUZZY_WEIGHT: f32 = 0.5;

/// A passage with a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    pub(crate) score: f32,
    pub(crate) segment: usize,
    pub(crate) doc: DocId,
}

/// A query in the index's terms, with the statistics of its language.
pub(crate) struct Plan {
    wanted: Wanted,
    stats: LangStats,
    k1: f32,
    b: f32,
}

impl Plan {
    pub(crate) fn new(snapshot: &Snapshot, query: &Query, k1: f32, b: f32) -> crate::Result<Self> {
        let wanted = Wanted::of(query)?;
        let stats = snapshot.langs.get(&wanted.lang).copied().unwrap_or_default();
        let mut plan = Self { wanted, stats, k1, b };
        if query.fuzzy {
            plan.add_near_words(snapshot)?;
        }
        Ok(plan)
    }

    /// Every living passage of the language that shares a word, facet or phrase with the query (or just passes its
    /// filters, if it has any), best first; all ties
    /// at the end of the first `limit` are kept. The number tells how many passages matched at all.
    pub(crate) fn lexical(
        &self,
        snapshot: &Snapshot,
        limit: usize,
    ) -> Result<(Vec<Scored>, usize)> {
        let mut found = Vec::new();
        let weights = self.weights(snapshot)?;
        for (segment_idx, segment) in snapshot.segments.iter().enumerate() {
            let Some(lang_idx) = segment.lang_idx(&self.wanted.lang) else { continue };
            let allowed = self.allowed(segment)?;
            let mut scores = vec![0.0f32; segment.rows.id_of.len()];
            for weight in &weights {
                if let Some(info) = &weight.infos[segment_idx] {
                    weight.add(
                        &segment.text[weight.field],
                        segment.norms[weight.field].as_ref(),
                        info,
                        &mut scores,
                    )?;
                }
            }
            self.add_facets(segment, lang_idx, &mut scores)?;
            self.add_phrases(snapshot, segment_idx, &weights, &mut scores)?;
            let in_reach = |doc: usize| {
                segment.is_alive(doc as DocId)
                    && segment.rows.lang_of[doc] == lang_idx
                    && allowed.as_ref().is_none_or(|allowed| allowed[doc])
            };
            // With a filter, whatever passes is an answer, and the words put the answers in order.
            let matches = |score: f32| score != 0.0 || allowed.is_some();
            let hits =
                scores.iter().enumerate().filter(|(doc, score)| matches(**score) && in_reach(*doc));
            found.extend(hits.map(|(doc, score)| Scored {
                score: *score,
                segment: segment_idx,
                doc: doc as DocId,
            }));
        }
        let total = found.len();
        Ok((best(snapshot, found, limit), total))
    }

    /// Living passages of the language with a vector, by its dot product with `vector`, best first; all of them, or
    /// about the nearest `limit` per segment where more than `graph_above` are left by the filters and the feature
    /// `hnsw` is on.
    pub(crate) fn dense(
        &self,
        snapshot: &Snapshot,
        vector: &[f32],
        limit: usize,
        graph_above: usize,
    ) -> Result<(Vec<Scored>, usize)> {
        let mut found = Vec::new();
        let mut total = 0;
        for (segment_idx, segment) in snapshot.segments.iter().enumerate() {
            let Some(lang_idx) = segment.lang_idx(&self.wanted.lang) else { continue };
            let allowed = self.allowed(segment)?;
            let in_reach = |doc: DocId| {
                let row = doc as usize;
                segment.rows.lang_of[row] == lang_idx
                    && allowed.as_ref().is_none_or(|allowed| allowed[row])
                    && segment.is_alive(doc)
            };
            let mut reach: Vec<DocId> =
                (0..segment.rows.id_of.len() as DocId).filter(|doc| in_reach(*doc)).collect();
            total += reach.len();
            if reach.len() > graph_above && reach.len() > limit {
                reach = nearest(segment, vector, limit, &in_reach).unwrap_or(reach);
            }
            let vectors =
                reach.into_iter().filter_map(|doc| Some((doc, segment.rows.vector(doc)?)));
            for (doc, passage) in vectors.filter(|(_, passage)| passage.len() == vector.len()) {
                let score = passage.iter().zip(vector).map(|(a, b)| a * b).sum();
                found.push(Scored { score, segment: segment_idx, doc });
            }
        }
        Ok((best(snapshot, found, limit), total))
    }

    /// What the lexical score of one passage is made of.
    pub(crate) fn explain(&self, snapshot: &Snapshot, at: Scored) -> Result<Vec<Contribution>> {
        let segment = &snapshot.segments[at.segment];
        let mut parts = Vec::new();
        let mut scores = vec![0.0; segment.rows.id_of.len()];
        let doc = at.doc as usize;
        let weights = self.weights(snapshot)?;
        for weight in &weights {
            let Some(info) = &weight.infos[at.segment] else { continue };
            scores[doc] = 0.0;
            weight.add(
                &segment.text[weight.field],
                segment.norms[weight.field].as_ref(),
                info,
                &mut scores,
            )?;
            let mut postings = segment.text[weight.field]
                .read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
            let term_frequency = if tantivy::DocSet::seek(&mut postings, at.doc) == at.doc {
                tantivy::postings::Postings::term_freq(&postings)
            } else {
                continue;
            };
            parts.push(Contribution {
                field: TEXT_FIELDS[weight.field].into(),
                term: weight.term.split_once('\u{1f}').map_or(weight.term, |(_, word)| word).into(),
                term_frequency,
                doc_frequency: weight.doc_frequency,
                idf: weight.idf,
                query_weight: weight.query_weight,
                score: scores[doc],
            });
        }
        let bonus = |field: &str, term: String, score| Contribution {
            field: field.into(),
            term,
            term_frequency: 1,
            doc_frequency: 0,
            idf: 0.0,
            query_weight: 1.0,
            score,
        };
        for (facet, weight) in &self.wanted.facets {
            if contains(&segment.facet, snapshot.fields.facet, facet, at.doc)? {
                parts.push(bonus("facet", facet.replace('\u{1f}', "="), *weight));
            }
        }
        for phrase in &self.wanted.phrases {
            scores[doc] = 0.0;
            self.add_phrase(snapshot, at.segment, phrase, &weights, &mut scores)?;
            if scores[doc] != 0.0 {
                let words: Vec<&str> =
                    phrase.iter().filter_map(|t| Some(t.split_once('\u{1f}')?.1)).collect();
                parts.push(bonus("phrase", words.join(" "), scores[doc]));
            }
        }
        Ok(parts)
    }

    /// Posting lists and weights of every term in every field, in the fixed order.
    fn weights(&self, snapshot: &Snapshot) -> Result<Vec<Weight<'_>>> {
        let mut weights = Vec::new();
        for (field_idx, field) in snapshot.fields.text.into_iter().enumerate() {
            let average =
                self.stats.num_tokens[field_idx] as f32 / self.stats.num_chunks.max(1) as f32;
            let saturation = saturation(self.k1, self.b, average);
            for (text, query_weight) in &self.wanted.terms {
                let term = Term::from_field_text(field, text);
                let mut infos = Vec::with_capacity(snapshot.segments.len());
                let mut doc_frequency = 0;
                for segment in &snapshot.segments {
                    let index = &segment.text[field_idx];
                    let info = index.get_term_info(&term)?;
                    if let Some(info) = &info {
                        doc_frequency += match &segment.alive {
                            None => u64::from(info.doc_freq),
                            Some(alive) => u64::from(
                                index
                                    .read_postings_from_terminfo(info, IndexRecordOption::Basic)?
                                    .doc_freq_given_deletes(alive),
                            ),
                        };
                    }
                    infos.push(info);
                }
                if doc_frequency > 0 {
                    let idf = idf(doc_frequency, self.stats.num_chunks);
                    weights.push(Weight {
                        term: text,
                        field: field_idx,
                        query_weight: *query_weight,
                        doc_frequency,
                        idf,
                        factor: query_weight * idf * (self.k1 + 1.0),
                        saturation,
                        infos,
                    });
                }
            }
        }
        Ok(weights)
    }

    /// Which rows pass all filters; `None` if there are none.
    fn allowed(&self, segment: &Segment) -> Result<Option<Vec<bool>>> {
        if self.wanted.filters.is_empty() {
            return Ok(None);
        }
        let mut passes = vec![0usize; segment.rows.id_of.len()];
        for (filter_idx, values) in self.wanted.filters.iter().enumerate() {
            for value in values {
                for_each_doc(&segment.facet, value, |doc| {
                    // Counts a row once per filter, however many of the values it has.
                    if passes[doc] == filter_idx {
                        passes[doc] += 1;
                    }
                })?;
            }
        }
        Ok(Some(passes.into_iter().map(|passed| passed == self.wanted.filters.len()).collect()))
    }

    fn add_facets(&self, segment: &Segment, lang_idx: u32, scores: &mut [f32]) -> Result<()> {
        for (facet, weight) in &self.wanted.facets {
            for_each_doc(&segment.facet, facet, |doc| {
                if segment.rows.lang_of[doc] == lang_idx {
                    scores[doc] += weight;
                }
            })?;
        }
        Ok(())
    }

    fn add_phrases(
        &self,
        snapshot: &Snapshot,
        segment_idx: usize,
        weights: &[Weight<'_>],
        scores: &mut [f32],
    ) -> Result<()> {
        self.wanted
            .phrases
            .iter()
            .try_for_each(|phrase| self.add_phrase(snapshot, segment_idx, phrase, weights, scores))
    }

    /// Adds the summed idf of the phrase's words to every passage that holds them side by side.
    fn add_phrase(
        &self,
        snapshot: &Snapshot,
        segment_idx: usize,
        phrase: &[String],
        weights: &[Weight<'_>],
        scores: &mut [f32],
    ) -> Result<()> {
        let body = snapshot.fields.text[2];
        let idf_of = |word: &String| {
            let known = weights.iter().find(|weight| weight.field == 2 && weight.term == *word);
            known.map_or(1.0, |weight| weight.idf)
        };
        let bonus: f32 = phrase.iter().map(idf_of).sum();
        let query =
            PhraseQuery::new(phrase.iter().map(|word| Term::from_field_text(body, word)).collect());
        let weight = query.weight(EnableScoring::disabled_from_searcher(&snapshot.searcher))?;
        let mut docs = weight.scorer(snapshot.searcher.segment_reader(segment_idx as u32), 1.0)?;
        while docs.doc() != TERMINATED {
            scores[docs.doc() as usize] += bonus;
            docs.advance();
        }
        Ok(())
    }

    /// Adds, for every word that no field knows, the known words one insertion, deletion, change or swap away.
    fn add_near_words(&mut self, snapshot: &Snapshot) -> Result<()> {
        let known: Vec<String> =
            self.weights(snapshot)?.iter().map(|weight| weight.term.to_string()).collect();
        let unknown: Vec<(String, f32)> = self
            .wanted
            .terms
            .iter()
            .filter(|(term, _)| !known.contains(term))
            .map(|(t, w)| (t.clone(), *w))
            .collect();
        for (term, weight) in unknown {
            let Some((lang, word)) = term.split_once('\u{1f}') else { continue };
            if word.chars().count() < 4 {
                continue; // too short to tell a slip from another word
            }
            let Some(first) = word.chars().next() else { continue };
            let start = analysis::index_term(lang, &first.to_string());
            for segment in &snapshot.segments {
                for index in &segment.text {
                    let mut stream = index.terms().range().ge(start.as_bytes()).into_stream()?;
                    while stream.advance() && stream.key().starts_with(start.as_bytes()) {
                        let Ok(candidate) = std::str::from_utf8(stream.key()) else { continue };
                        let Some((_, near)) = candidate.split_once('\u{1f}') else { continue };
                        if within_one_edit(word, near) {
                            self.wanted.terms.insert(candidate.to_string(), weight * FUZZY_WEIGHT);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// About the nearest rows of a segment; none if graphs are not built in.
#[cfg(feature = "hnsw")]
fn nearest(
    segment: &Segment,
    vector: &[f32],
    limit: usize,
    in_reach: &dyn Fn(DocId) -> bool,
) -> Option<Vec<DocId>> {
    let of_this_length = segment.rows.dim() == vector.len();
    of_this_length.then(|| segment.rows.graph().nearest(vector, limit, in_reach))
}

#[cfg(not(feature = "hnsw"))]
fn nearest(_: &Segment, _: &[f32], _: usize, _: &dyn Fn(DocId) -> bool) -> Option<Vec<DocId>> {
    None
}

/// One term in one field, ready to be added up.
struct Weight<'a> {
    term: &'a str,
    field: usize,
    query_weight: f32,
    doc_frequency: u64,
    idf: f32,
    /// `query weight * idf * (k1 + 1)`.
    factor: f32,
    /// `k1 * (1 - b + b * length / average length)` per recorded length.
    saturation: [f32; 256],
    /// Where its posting list lies, per segment.
    infos: Vec<Option<TermInfo>>,
}

impl Weight<'_> {
    /// Adds the term's contribution to every passage that holds it.
    fn add(
        &self,
        index: &InvertedIndexReader,
        norms: Option<&FieldNormReader>,
        info: &TermInfo,
        scores: &mut [f32],
    ) -> Result<()> {
        let mut block =
            index.read_block_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
        while block.block_len() > 0 {
            for (doc, frequency) in block.docs().iter().zip(block.freqs()) {
                let norm = norms.map_or(0, |norms| norms.fieldnorm_id(*doc));
                let frequency = *frequency as f32;
                scores[*doc as usize] +=
                    self.factor * (frequency / (frequency + self.saturation[norm as usize]));
            }
            block.advance();
        }
        Ok(())
    }
}

/// BM25's inverse document frequency in its never-negative form, `ln(1 + (N - n + 0.5) / (n + 0.5))`.
fn idf(doc_frequency: u64, num_chunks: u64) -> f32 {
    let (n, total) = (doc_frequency as f64, num_chunks.max(doc_frequency) as f64);
    (1.0 + (total - n + 0.5) / (n + 0.5)).ln() as f32
}

fn saturation(k1: f32, b: f32, average: f32) -> [f32; 256] {
    let average = if average > 0.0 { average } else { 1.0 };
    std::array::from_fn(|id| {
        let length = FieldNormReader::id_to_fieldnorm(id as u8) as f32;
        // The floor keeps k1 = 0 free of 0 / 0.
        (k1 * (1.0 - b + b * length / average)).max(f32::MIN_POSITIVE)
    })
}

fn for_each_doc(
    index: &InvertedIndexReader,
    term: &str,
    mut visit: impl FnMut(usize),
) -> Result<()> {
    let Some(ord) = index.terms().get(term.as_bytes())? else { return Ok(()) };
    let mut block = index.read_block_postings_from_terminfo(&ord, IndexRecordOption::Basic)?;
    while block.block_len() > 0 {
        block.docs().iter().for_each(|doc| visit(*doc as usize));
        block.advance();
    }
    Ok(())
}

fn contains(
    index: &InvertedIndexReader,
    field: tantivy::schema::Field,
    term: &str,
    doc: DocId,
) -> Result<bool> {
    let postings =
        index.read_postings(&Term::from_field_text(field, term), IndexRecordOption::Basic)?;
    Ok(postings.is_some_and(|mut postings| tantivy::DocSet::seek(&mut postings, doc) == doc))
}

/// The first `limit` in order and whatever ties with the last of them: score, then document id, then place in it.
fn best(snapshot: &Snapshot, mut found: Vec<Scored>, limit: usize) -> Vec<Scored> {
    let by_score = |a: &Scored, b: &Scored| b.score.total_cmp(&a.score);
    if limit == 0 {
        return Vec::new();
    }
    if found.len() > limit {
        let (_, last, _) = found.select_nth_unstable_by(limit - 1, by_score);
        let last = *last;
        found.retain(|scored| scored.score >= last.score);
    }
    found.sort_unstable_by(|a, b| by_score(a, b).then_with(|| by_key(snapshot, a, b)));
    found
}

fn by_key(snapshot: &Snapshot, a: &Scored, b: &Scored) -> Ordering {
    let (left, right) = (&snapshot.segments[a.segment], &snapshot.segments[b.segment]);
    let ids = left.id(a.doc).cmp(right.id(b.doc));
    ids.then_with(|| left.rows.ord[a.doc as usize].cmp(&right.rows.ord[b.doc as usize]))
}

/// Whether two words differ by one insertion, deletion, change or swap of neighbours (or not at all).
fn within_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same_front = short.iter().zip(long.iter()).take_while(|(x, y)| x == y).count();
    let same_back = |skip: usize| {
        short[same_front..]
            .iter()
            .rev()
            .zip(long[same_front..].iter().rev())
            .take_while(|(x, y)| x == y)
            .count()
            >= skip
    };
    let rest = short.len() - same_front;
    if long.len() > short.len() {
        return same_back(rest);
    }
    let swapped = rest >= 2
        && short[same_front] == long[same_front + 1]
        && short[same_front + 1] == long[same_front]
        && short[same_front + 2..] == long[same_front + 2..];
    rest == 0 || same_back(rest - 1) || swapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_edit_is_an_insertion_deletion_change_or_swap() {
        for (a, b, expected) in [
            ("squat", "squat", true),
            ("squat", "sqaut", true),
            ("squat", "squats", true),
            ("squat", "quat", true),
            ("squat", "squad", true),
            ("squat", "squash", false),
            ("squat", "stuad", false),
            ("knee", "kene", true),
            ("abcd", "badc", false),
        ] {
            assert_eq!(within_one_edit(a, b), expected, "{a} {b}");
            assert_eq!(within_one_edit(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn idf_matches_the_formula_by_hand() {
        // N = 3, n = 1: ln(1 + 2.5 / 1.5)
        assert!((idf(1, 3) - 0.980_829_2).abs() < 1e-6, "f32 rounding");
    }
}
