use std::cell::RefCell;

use sports_rag::{
    Config, Error, Guide, IssueQuery, LanguageModel, ModelGuide, Prompt, Result, Retrieval, Store,
    TemplateGuide, retrieve, shipped_cards, verify,
};

fn issue(id: &str, severity: f64) -> IssueQuery {
    IssueQuery {
        id: id.into(),
        name: id.replace('_', " "),
        event: "squat".into(),
        severity,
        facts: vec!["knee@bottom 98 deg, target 78-86, 12 deg above".into()],
        ..IssueQuery::default()
    }
}

fn retrieval(issues: &[IssueQuery]) -> Retrieval {
    let mut store = Store::in_memory(Config::new()).unwrap();
    store.upsert(&shipped_cards()).unwrap();
    store.commit().unwrap();
    retrieve(&store, issues, 2).unwrap()
}

/// Gives a fixed answer and keeps the prompt.
#[derive(Debug)]
struct Scripted {
    answer: String,
    prompt: RefCell<Option<Prompt>>,
}

impl LanguageModel for &Scripted {
    fn complete(&self, prompt: &Prompt) -> Result<String> {
        *self.prompt.borrow_mut() = Some(prompt.clone());
        Ok(self.answer.clone())
    }
}

fn scripted(drill: &str) -> Scripted {
    let answer = format!(
        "Here you are:\n```json\n[{{\"issue\": \"shallow_squat\", \"cause\": \"You stop 12 deg early.\", \"correction\": \
         \"\", \"drill\": \"{drill}\", \"progression\": \"\", \"caution\": \"\"}}]\n```"
    );
    Scripted { answer, prompt: RefCell::new(None) }
}

#[test]
fn the_template_says_nothing_that_its_sources_do_not() {
    for card in shipped_cards() {
        let (event, id) = (card.facets["event"][0].clone(), card.facets["issue"][0].clone());
        let issue = IssueQuery { event, ..issue(&id, 0.5) };
        let found = retrieval(std::slice::from_ref(&issue));
        let guidance = TemplateGuide::new().guidance(std::slice::from_ref(&issue), &found).unwrap();
        let claims = verify(&guidance.items[0].text, &guidance.references, &issue.facts);
        assert!(claims.is_empty(), "{}: {claims:?}", card.id);
    }
}

#[test]
fn a_prompt_carries_rules_diagnosis_and_numbered_passages() {
    let issues = [issue("shallow_squat", 0.8), issue("unheard_of", 0.1)];
    let prompt = Prompt::new("beginner, 34", &issues, &retrieval(&issues)).unwrap();
    for part in [
        "Athlete: beginner, 34",
        "12 deg above",
        "[1] ",
        "No passage was found for unheard_of",
        "JSON array",
    ] {
        assert!(prompt.user.contains(part), "{part}");
    }
    assert!(prompt.system.contains("Use only the facts"));
    assert!(prompt.references.iter().all(|reference| prompt.user.contains(&reference.quote)));
}

#[test]
fn a_models_invented_numbers_and_citations_are_listed() {
    let issues = [issue("shallow_squat", 0.8)];
    let found = retrieval(&issues);
    let honest = scripted("Box squat, 3 sets x 6 [3].");
    let checked = ModelGuide::new(&honest).checked(&issues, &found).unwrap();
    assert_eq!(checked.unsupported, []);
    assert_eq!(checked.guidance.items[0].citations, [3]);
    assert!(honest.prompt.borrow().is_some());
    let inventive = scripted("Box squat, 17 sets [99].");
    let checked = ModelGuide::new(&inventive).checked(&issues, &found).unwrap();
    let claims: Vec<&str> =
        checked.unsupported.iter().map(|(_, claim)| claim.claim.as_str()).collect();
    assert_eq!(claims, ["17", "[99]"]);
    let guidance = ModelGuide::new(&inventive).guidance(&issues, &found).unwrap();
    assert!(guidance.items[0].text.ends_with("(Not borne out by the sources: 17; [99].)"));
}

#[test]
fn an_answer_in_another_form_is_an_error() {
    let issues = [issue("shallow_squat", 0.8), issue("knee_valgus", 0.3)];
    let found = retrieval(&issues);
    for answer in ["no idea", "[1, 2]", "[{\"issue\": \"shallow_squat\"}]"] {
        let model = Scripted { answer: answer.into(), prompt: RefCell::new(None) };
        assert!(
            matches!(ModelGuide::new(&model).guidance(&issues, &found), Err(Error::Remote { .. })),
            "{answer}"
        );
    }
    // One of two issues left out.
    assert!(matches!(
        ModelGuide::new(&scripted("Sit [1].")).guidance(&issues, &found),
        Err(Error::Remote { .. })
    ));
}

/// Spoils each number, citation and quotation of true guidance in turn; each must be found where it stands.
#[test]
fn whatever_is_spoilt_in_true_guidance_is_found() {
    let mut spoilt = [0; 3];
    for card in shipped_cards() {
        let (event, id) = (card.facets["event"][0].clone(), card.facets["issue"][0].clone());
        let issue = IssueQuery { event, ..issue(&id, 0.5) };
        let found = retrieval(std::slice::from_ref(&issue));
        let guidance = TemplateGuide::new().guidance(std::slice::from_ref(&issue), &found).unwrap();
        let references = &guidance.references;
        let text = &guidance.items[0].text;
        let mut check = |kind: usize, at: usize, length: usize, wrong: &str| {
            let changed = format!("{}{wrong}{}", &text[..at], &text[at + length..]);
            let claims = verify(&changed, references, &issue.facts);
            let found = claims
                .iter()
                .any(|claim| claim.byte_range.start <= at + 1 && claim.byte_range.end > at);
            assert!(found, "{}: {wrong} at {at} of {changed}: {claims:?}", card.id);
            spoilt[kind] += 1;
        };
        let digits = |c: char| c.is_ascii_digit();
        let mut at = 0;
        while let Some(start) = text[at..].find(digits).map(|start| at + start) {
            let length = text[start..].find(|c| !digits(c)).unwrap_or(text.len() - start);
            at = start + length;
            let before = text[..start].chars().next_back().unwrap_or(' ');
            if before == '[' {
                check(1, start, length, "99");
            } else if !before.is_ascii_uppercase() && before != '.' && before != '-' {
                check(0, start, length, "7777");
            }
        }
        let quote = &references[0].quote;
        let words: Vec<&str> = quote.split_whitespace().take(6).collect();
        let honest = format!("It says “{}” [1].", words.join(" "));
        assert_eq!(verify(&honest, references, &issue.facts), []);
        let dishonest = honest.replace(words[2], "zebra");
        assert_eq!(verify(&dishonest, references, &issue.facts).len(), 1, "{dishonest}");
        spoilt[2] += 1;
    }
    assert!(spoilt.iter().all(|count| *count >= 60), "{spoilt:?}");
}
