//! The parameter section: groups of named arrays.

use std::collections::BTreeMap;

use super::bytes::Processor;

/// Parameters by `GROUP:NAME`, in capitals.
#[derive(Debug)]
pub(super) struct Parameters {
    by_name: BTreeMap<String, Parameter>,
}

#[derive(Debug)]
struct Parameter {
    processor: Processor,
    kind: i8,
    dims: Vec<usize>,
    data: Vec<u8>,
}

/// More records than this are a loop, not a file (ours).
const MAX_RECORDS: usize = 20_000;

impl Parameters {
    /// Follows the chain of records from `start`; or what is wrong with it.
    pub(super) fn parse(
        bytes: &[u8],
        start: usize,
        processor: Processor,
    ) -> Result<Parameters, &'static str> {
        const CUT: &str = "the parameter section is cut short";
        let mut groups: BTreeMap<i8, String> = BTreeMap::new();
        let mut found: Vec<(i8, String, Parameter)> = Vec::new();
        let mut at = start + 4;
        for _ in 0..MAX_RECORDS {
            let (Some(&name_len), Some(&id)) = (bytes.get(at), bytes.get(at + 1)) else { break };
            // A negative length marks a locked record.
            let (name_len, id) =
                (usize::from(name_len.cast_signed().unsigned_abs()), id.cast_signed());
            if name_len == 0 || id == 0 {
                break;
            }
            let name = bytes.get(at + 2..at + 2 + name_len).ok_or(CUT)?;
            let name = String::from_utf8_lossy(name).trim().to_ascii_uppercase();
            let after_name = at + 2 + name_len;
            let step = processor.u16(bytes, after_name).ok_or(CUT)?;
            if id < 0 {
                groups.insert(id.checked_neg().unwrap_or(i8::MAX), name);
            } else {
                found.push((
                    id,
                    name,
                    Parameter::parse(bytes, after_name + 2, processor).ok_or(CUT)?,
                ));
            }
            if step == 0 {
                break;
            }
            at = after_name + usize::from(step);
        }
        let by_name = found
            .into_iter()
            .filter_map(|(id, name, parameter)| {
                Some((format!("{}:{name}", groups.get(&id)?), parameter))
            })
            .collect();
        Ok(Parameters { by_name })
    }

    /// Strings of a character array, padding removed.
    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let Some(parameter) = self.by_name.get(name).filter(|p| p.kind == -1) else {
            return Vec::new();
        };
        let width = parameter.dims.first().copied().unwrap_or(1).max(1);
        let pieces = parameter.data.chunks_exact(width);
        pieces
            .map(|text| String::from_utf8_lossy(text).trim_matches(['\0', ' ']).to_owned())
            .collect()
    }

    /// Numbers of an array of bytes, integers or floats.
    pub(super) fn numbers(&self, name: &str) -> Vec<f64> {
        let Some(Parameter { processor, kind, data, .. }) = self.by_name.get(name) else {
            return Vec::new();
        };
        let places = |width: usize| (0..data.len() / width).map(move |i| i * width);
        match kind {
            1 => data.iter().map(|byte| f64::from(*byte)).collect(),
            2 => places(2).filter_map(|at| processor.i16(data, at)).map(f64::from).collect(),
            4 => places(4).filter_map(|at| processor.f32(data, at)).map(f64::from).collect(),
            _ => Vec::new(),
        }
    }

    /// First number of an array.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.numbers(name).first().copied()
    }
}

impl Parameter {
    fn parse(bytes: &[u8], at: usize, processor: Processor) -> Option<Parameter> {
        let kind = bytes.get(at)?.cast_signed();
        let num_dims = usize::from(*bytes.get(at + 1)?);
        let dims: Vec<usize> =
            bytes.get(at + 2..at + 2 + num_dims)?.iter().map(|dim| usize::from(*dim)).collect();
        // No dimension is a single value; the product of a few bytes that lie cannot wrap.
        let count = dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim))?;
        let num_bytes = count.checked_mul(usize::from(kind.unsigned_abs()))?;
        let data_at = at + 2 + num_dims;
        let data = bytes.get(data_at..data_at.checked_add(num_bytes)?)?.to_vec();
        Some(Parameter { processor, kind, dims, data })
    }
}
