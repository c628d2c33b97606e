//! Results for people.

use std::io::{Result, Write};

use sports_rag::{Contribution, Document, Guidance, Hit};

pub(crate) fn hits(out: &mut impl Write, hits: &[Hit]) -> Result<()> {
    if hits.is_empty() {
        writeln!(out, "nothing found")?;
    }
    for (idx, hit) in hits.iter().enumerate() {
        let heading = hit.heading_path.join(" > ");
        writeln!(out, "{}. {} [{}] {heading}  ({:.2})", idx + 1, hit.title, hit.doc_id, hit.score)?;
        writeln!(out, "   {}", hit.text.replace('\n', "\n   "))?;
        writeln!(out, "   -- {} (bytes {:?})", hit.citation, hit.byte_range)?;
        for part in &hit.explanation {
            let Contribution { field, term, score, idf, term_frequency, .. } = part;
            writeln!(out, "      {score:6.3}  {field}:{term}  tf {term_frequency}, idf {idf:.3}")?;
        }
    }
    Ok(())
}

pub(crate) fn document(out: &mut impl Write, document: &Document) -> Result<()> {
    writeln!(out, "# {}\n\n{}\n", document.title, document.citation())?;
    for section in &document.sections {
        if let Some(heading) = section.heading_path.last() {
            writeln!(out, "{} {heading}\n", "#".repeat(section.heading_path.len() + 1))?;
        }
        writeln!(out, "{}\n", section.text)?;
    }
    Ok(())
}

pub(crate) fn guidance(out: &mut impl Write, guidance: &Guidance) -> Result<()> {
    for item in &guidance.items {
        writeln!(out, "{}\n", item.text)?;
    }
    for reference in &guidance.references {
        let unchecked =
            if reference.checked == Some(false) { "  (not yet compared with it)" } else { "" };
        writeln!(out, "[{}] {}{unchecked}", reference.number, reference.citation)?;
    }
    Ok(())
}
