use std::collections::BTreeMap;

use crate::schema::facet_term;
use crate::{Error, Query, Result, analysis};

/// A query in the index's terms, the same for every kind of index.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) lang: String,
    /// Terms with their weight, in the order in which contributions are added.
    pub(crate) terms: BTreeMap<String, f32>,
    /// Facets with the weight of having them.
    pub(crate) facets: Vec<(String, f32)>,
    /// Terms that should stand side by side.
    pub(crate) phrases: Vec<Vec<String>>,
    /// Facets of which every list must be met by one.
    pub(crate) filters: Vec<Vec<String>>,
}

impl Wanted {
    /// Fails on weights that are not finite.
    pub(crate) fn of(query: &Query) -> Result<Self> {
        let lang = analysis::base_lang(&query.lang);
        let mut terms = BTreeMap::new();
        let texts = std::iter::once((&query.text, 1.0))
            .chain(query.extra.iter().map(|(text, weight)| (text, *weight)));
        for (text, weight) in texts {
            if !weight.is_finite() || weight < 0.0 {
                let (value, reason) = (weight.to_string(), "must be a finite number of at least 0");
                return Err(Error::InvalidSetting { name: "extra", value, reason: reason.into() });
            }
            for term in analysis::query_terms(&lang, text) {
                *terms.entry(analysis::index_term(&lang, &term.text)).or_insert(0.0) += weight;
            }
        }
        let mut facets = Vec::new();
        for boost in &query.boosts {
            if !boost.weight.is_finite() {
                let (value, reason) = (boost.weight.to_string(), "must be a finite number");
                return Err(Error::InvalidSetting { name: "boosts", value, reason: reason.into() });
            }
            facets.push((facet_term(&boost.facet, &boost.value), boost.weight));
        }
        let phrase = |text: &String| -> Vec<String> {
            let terms = analysis::terms(&lang, text);
            terms.iter().map(|term| analysis::index_term(&lang, &term.text)).collect()
        };
        let phrases = query.phrases.iter().map(phrase).filter(|terms| terms.len() > 1).collect();
        let filters = query
            .filters
            .iter()
            .map(|(name, values)| values.iter().map(|value| facet_term(name, value)).collect())
            .collect();
        Ok(Self { lang, terms, facets, phrases, filters })
    }
}
