//! One consistent view of the index: segments, their statistics and the rows' keys, built once per commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tantivy::columnar::{Column, StrColumn};
use tantivy::fastfield::AliveBitSet;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentId;
use tantivy::{DocId, InvertedIndexReader, Searcher, SegmentReader};

use crate::Result;
use crate::schema::Fields;

/// A committed state of the store; searching it again always gives the same answer.
pub(crate) struct Snapshot {
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    pub(crate) segments: Vec<Segment>,
    /// Statistics per language: what BM25 calls the collection.
    pub(crate) langs: HashMap<String, LangStats>,
}

pub(crate) struct Segment {
    pub(crate) text: [Arc<InvertedIndexReader>; 3],
    pub(crate) norms: [Option<FieldNormReader>; 3],
    pub(crate) facet: Arc<InvertedIndexReader>,
    pub(crate) alive: Option<AliveBitSet>,
    pub(crate) rows: Arc<Rows>,
}

/// What never changes in a segment, kept from snapshot to snapshot.
#[derive(Default)]
pub(crate) struct Rows {
    /// Document ids, sorted.
    pub(crate) ids: Vec<String>,
    /// Per row, its document's place in `ids`.
    pub(crate) id_of: Vec<u32>,
    /// Per row, its place in its document.
    pub(crate) ord: Vec<u64>,
    pub(crate) langs: Vec<String>,
    /// Per row, its language's place in `langs`.
    pub(crate) lang_of: Vec<u32>,
    /// All vectors, end to end.
    vectors: Vec<f32>,
    /// Per row, the place of its vector.
    vector_of: Vec<Option<u32>>,
    dim: usize,
    /// Made when it is first needed.
    #[cfg(feature = "hnsw")]
    graph: std::sync::OnceLock<crate::graph::Graph>,
}

/// Counts over the living passages of one language.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LangStats {
    pub(crate) num_chunks: u64,
    /// Tokens per text field, as recorded by the index (which rounds the length of long fields).
    pub(crate) num_tokens: [u64; 3],
}

impl Snapshot {
    /// Reads the state behind `searcher`; rows of segments that `known` already holds are shared, not read again.
    pub(crate) fn new(
        searcher: Searcher,
        fields: Fields,
        known: &HashMap<SegmentId, Arc<Rows>>,
    ) -> Result<Self> {
        let mut segments = Vec::new();
        let mut langs: HashMap<String, LangStats> = HashMap::new();
        for reader in searcher.segment_readers() {
            let rows = match known.get(&reader.segment_id()) {
                Some(rows) => Arc::clone(rows),
                None => Arc::new(Rows::read(reader)?),
            };
            let segment = Segment::new(reader, fields, rows)?;
            segment.count(reader.max_doc(), &mut langs);
            segments.push(segment);
        }
        Ok(Self { searcher, fields, segments, langs })
    }

    pub(crate) fn rows_by_segment(&self) -> HashMap<SegmentId, Arc<Rows>> {
        let ids = self.searcher.segment_readers().iter().map(SegmentReader::segment_id);
        ids.zip(&self.segments).map(|(id, segment)| (id, Arc::clone(&segment.rows))).collect()
    }

    /// Whether some row, living or not, belongs to a document with this id.
    pub(crate) fn has_id(&self, id: &str) -> bool {
        let known = |segment: &Segment| {
            segment.rows.ids.binary_search_by(|found| found.as_str().cmp(id)).is_ok()
        };
        self.segments.iter().any(known)
    }

    /// Living documents' ids with the address of their first passage, in id order.
    pub(crate) fn documents(&self) -> BTreeMap<&str, (usize, DocId)> {
        let mut found = BTreeMap::new();
        for (segment_idx, segment) in self.segments.iter().enumerate() {
            for doc in segment.living() {
                if segment.rows.ord[doc as usize] == 0 {
                    found.insert(segment.id(doc), (segment_idx, doc));
                }
            }
        }
        found
    }
}

impl Segment {
    fn new(reader: &SegmentReader, fields: Fields, rows: Arc<Rows>) -> Result<Self> {
        let [title, heading, body] = fields.text;
        let norms = |field| reader.fieldnorms_readers().get_field(field);
        Ok(Self {
            text: [
                reader.inverted_index(title)?,
                reader.inverted_index(heading)?,
                reader.inverted_index(body)?,
            ],
            norms: [norms(title)?, norms(heading)?, norms(body)?],
            facet: reader.inverted_index(fields.facet)?,
            alive: reader.alive_bitset().cloned(),
            rows,
        })
    }

    pub(crate) fn is_alive(&self, doc: DocId) -> bool {
        self.alive.as_ref().is_none_or(|alive| alive.is_alive(doc))
    }

    pub(crate) fn living(&self) -> impl Iterator<Item = DocId> + '_ {
        (0..self.rows.id_of.len() as DocId).filter(|doc| self.is_alive(*doc))
    }

    pub(crate) fn id(&self, doc: DocId) -> &str {
        &self.rows.ids[self.rows.id_of[doc as usize] as usize]
    }

    /// The place of `lang` among the segment's languages.
    pub(crate) fn lang_idx(&self, lang: &str) -> Option<u32> {
        self.rows.langs.iter().position(|found| found == lang).map(|idx| idx as u32)
    }

    fn count(&self, max_doc: DocId, langs: &mut HashMap<String, LangStats>) {
        let mut stats = vec![LangStats::default(); self.rows.langs.len()];
        for doc in (0..max_doc).filter(|doc| self.is_alive(*doc)) {
            let stats = &mut stats[self.rows.lang_of[doc as usize] as usize];
            stats.num_chunks += 1;
            for (num_tokens, norms) in stats.num_tokens.iter_mut().zip(&self.norms) {
                *num_tokens += norms.as_ref().map_or(0, |norms| u64::from(norms.fieldnorm(doc)));
            }
        }
        for (lang, found) in self.rows.langs.iter().zip(stats) {
            let total = langs.entry(lang.clone()).or_default();
            total.num_chunks += found.num_chunks;
            total.num_tokens.iter_mut().zip(found.num_tokens).for_each(|(sum, part)| *sum += part);
        }
    }
}

impl Rows {
    fn read(reader: &SegmentReader) -> Result<Self> {
        let num_rows = reader.max_doc() as usize;
        let columns = reader.fast_fields();
        let (ids, id_of) = strings(columns.str("doc_id")?, num_rows)?;
        let (langs, lang_of) = strings(columns.str("lang")?, num_rows)?;
        let ord: Column<u64> = columns.u64("ord")?;
        let ord = (0..num_rows as u32).map(|row| ord.first(row).unwrap_or(0)).collect();
        let mut rows = Self { ids, id_of, ord, langs, lang_of, ..Self::default() };
        if let Some(column) = columns.bytes("vector")? {
            let mut stream = column.dictionary().stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                let floats = stream
                    .key()
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                let before = rows.vectors.len();
                rows.vectors.extend(floats);
                rows.dim = rows.vectors.len() - before;
            }
            rows.vector_of = (0..num_rows as u32)
                .map(|row| column.ords().first(row).map(|ord| ord as u32))
                .collect();
        }
        Ok(rows)
    }

    /// Length of the vectors.
    #[cfg(feature = "hnsw")]
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// The graph over the rows' vectors; zero vectors are close to nothing and left out.
    #[cfg(feature = "hnsw")]
    pub(crate) fn graph(&self) -> &crate::graph::Graph {
        self.graph.get_or_init(|| {
            let rows =
                (0..self.id_of.len() as DocId).filter_map(|row| Some((row, self.vector(row)?)));
            let rows = rows.filter(|(_, vector)| vector.iter().any(|value| *value != 0.0));
            crate::graph::Graph::build(&rows.collect::<Vec<_>>())
        })
    }

    /// The row's vector, if it has one.
    pub(crate) fn vector(&self, doc: DocId) -> Option<&[f32]> {
        let place = (*self.vector_of.get(doc as usize)?)? as usize;
        self.vectors.get(place * self.dim..(place + 1) * self.dim)
    }
}

/// A string column as sorted distinct values and a place per row.
fn strings(column: Option<StrColumn>, num_rows: usize) -> Result<(Vec<String>, Vec<u32>)> {
    let Some(column) = column else { return Ok((vec![String::new()], vec![0; num_rows])) };
    let mut values = Vec::new();
    let mut stream = column.dictionary().stream().map_err(tantivy::TantivyError::from)?;
    while stream.advance() {
        values.push(String::from_utf8_lossy(stream.key()).into_owned());
    }
    if values.is_empty() {
        values.push(String::new());
    }
    let places =
        (0..num_rows as u32).map(|row| column.ords().first(row).unwrap_or(0) as u32).collect();
    Ok((values, places))
}
