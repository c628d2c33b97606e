//! Queries in the part of Elasticsearch's language that Quickwit speaks.

use serde_json::{Value, json};

use crate::schema::TEXT_FIELDS;
use crate::wanted::Wanted;
use crate::{Query, Result};

/// What a query asks for that Quickwit cannot do, and what to do instead.
pub(super) fn beyond(query: &Query) -> Option<(&'static str, &'static str)> {
    if query.fusion.needs_dense().is_some() {
        return Some(("ranking by vectors", "use Fusion::Lexical, or a local store"));
    }
    if query.fuzzy {
        return Some(("tolerance of typing errors", "correct the words, or use a local store"));
    }
    query.explain.then_some(("explaining scores", "leave `explain` off, or use a local store"))
}

/// The search, without its `size`; none if nothing can match.
///
/// `term` takes a term as it is; `terms` gives every match the same score, its boost, which is what a facet's weight
/// means; `filter` costs no score.
pub(super) fn search(query: &Query) -> Result<Option<Value>> {
    let Wanted { lang, terms, facets, phrases, filters } = Wanted::of(query)?;
    let mut should = Vec::new();
    for field in TEXT_FIELDS {
        for (term, weight) in &terms {
            should.push(json!({ "term": { field: { "value": term, "boost": weight } } }));
        }
    }
    for (facet, weight) in &facets {
        should.push(json!({ "terms": { "facet": [facet], "boost": weight } }));
    }
    for phrase in &phrases {
        should.push(json!({ "match_phrase": { "body": phrase.join(" ") } }));
    }
    if query.top_k == 0 || (should.is_empty() && filters.is_empty()) {
        return Ok(None);
    }
    // As in a store: with a filter, whatever passes is an answer, and the words put the answers in order.
    let least = usize::from(filters.is_empty());
    let mut filter = vec![json!({ "term": { "lang": { "value": lang } } })];
    filter.extend(filters.iter().map(|values| json!({ "terms": { "facet": values } })));
    Ok(Some(json!({
        "query": { "bool": { "filter": filter, "should": should, "minimum_should_match": least } },
        "sort": [{ "_score": { "order": "desc" } }],
    })))
}

/// Looks for the passage that carries a whole document.
pub(super) fn document(id: &str) -> Value {
    let first = [
        json!({ "term": { "doc_id": { "value": id } } }),
        json!({ "term": { "ord": { "value": 0 } } }),
    ];
    json!({ "size": 1, "query": { "bool": { "filter": first } } })
}
