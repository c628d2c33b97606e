use std::path::Path;

use sports_rag::{Document, Error, read_documents};

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_folder_of_all_kinds_is_read_in_path_order() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "b/card.md",
        "+++\nid = \"c1\"\nevents = [\"squat\"]\n[[source]]\ncite = \"Work\"\n+++\n# T\n## Drill\n3 x 6\n",
    );
    write(dir.path(), "a.txt", "Plain words.\n");
    write(
        dir.path(),
        "rows.jsonl",
        "{\"_id\": \"r1\", \"title\": \"R\", \"text\": \"one\", \"muscles\": [\"quads\"], \"level\": 2}\n\n\
         {\"id\": 7, \"question\": \"How deep?\", \"answer\": \"To the box.\", \"lang\": \"en\"}\n",
    );
    write(dir.path(), ".hidden/x.txt", "no");
    write(dir.path(), "picture.png", "no");
    let found = read_documents(dir.path()).unwrap();
    let ids: Vec<&str> = found.iter().map(|document| document.id.as_str()).collect();
    assert_eq!(ids, ["a", "c1", "r1", "7"]);
    assert_eq!(found[0], Document::new("a", "a", "Plain words."));
    assert_eq!((found[1].title.as_str(), found[1].source.citation.as_str()), ("T", "Work"));
    assert_eq!(found[1].sections[0].heading_path, ["Drill"]);
    assert!(found[1].has_facet("event", "squat"));
    assert_eq!(found[1].source.checked, Some(false));
    assert!(found[2].has_facet("muscles", "quads") && found[2].has_facet("level", "2"));
    assert_eq!((found[3].title.as_str(), found[3].text().as_str()), ("How deep?", "To the box."));
}

#[track_caller]
fn check(name: &str, text: &str, line: usize, field: &str) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), name, text);
    match read_documents(dir.path()).unwrap_err() {
        Error::Parse { path, line: found_line, field: found, reason } => {
            assert!(path.ends_with(name) && !reason.is_empty());
            assert_eq!((found_line, found.as_str()), (line, field), "{reason}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn mistakes_are_named_by_file_line_and_field() {
    check("a.jsonl", "{\"_id\": \"x\", \"text\": \"y\"}\n{\"_id\": \"x2\"}\n", 2, "text");
    check("a.jsonl", "{\"_id\": \"x\", \"text\": \"y\"}\n{oops\n", 2, "line");
    check("a.jsonl", "[1]\n", 1, "line");
    check("a.jsonl", "{\"text\": \"y\"}\n", 1, "id");
    check("a.jsonl", "{\"id\": \"x\", \"text\": 3.5, \"title\": [1]}\n", 1, "title");
    check("a.jsonl", "{\"id\": \"x\", \"answer\": \"y\"}\n", 1, "question");
    check("a.jsonl", "{\"id\": \"x\", \"sections\": \"y\"}\n", 1, "sections");
    check("a.md", "+++\nid = \"x\"\ntitel = \"typo\"\n+++\ntext\n", 3, "front matter");
    check("a.md", "+++\nid = \"x\"\n", 1, "front matter");
    check("a.json", "{\"id\": 1,\n \"text\": oops}", 2, "line");
}

#[test]
fn files_that_are_no_text_and_folders_without_documents_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read_documents(dir.path()), Err(Error::NoDocuments { .. })));
    assert!(matches!(read_documents(dir.path().join("none")), Err(Error::Io { .. })));
    std::fs::write(dir.path().join("a.txt"), b"one\ntwo \xff").unwrap();
    assert!(matches!(read_documents(dir.path()), Err(Error::Parse { line: 2, .. })));
    write(dir.path(), "a.txt", "fine");
    write(dir.path(), "b.jsonl", "{\"id\": \"a\", \"text\": \"same id\"}");
    assert!(matches!(read_documents(dir.path()), Err(Error::InvalidDocument { field: "id", .. })));
}

#[test]
fn judged_collections_and_wger_are_read_where_present() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/retrieval"));
    if !root.exists() {
        eprintln!("skipped: no {}", root.display());
        return;
    }
    for (file, expected) in [
        ("cranfield/corpus.jsonl", 1400),
        ("free-exercise-db/corpus.jsonl", 868),
        ("knowledge/wger-exercises.jsonl", 1872),
        ("openstax-anatomy-physiology/corpus.jsonl", 197),
    ] {
        let found = read_documents(root.join(file)).unwrap();
        assert_eq!(found.len(), expected, "{file}");
    }
}

#[test]
fn free_exercise_db_is_read_as_it_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let exercise = r#"{"name": "Air Bike", "force": "pull", "equipment": null, "primaryMuscles": ["abdominals"],
        "secondaryMuscles": [], "instructions": ["Lie down.", "Cycle."], "category": "strength",
        "images": ["Air_Bike/0.jpg"], "id": "Air_Bike", "alternateNames": ["Bicycle crunch"]}"#;
    write(dir.path(), "exercises/Air_Bike.json", exercise);
    let found = read_documents(dir.path()).unwrap();
    let expected = Document::new("Air_Bike", "Air Bike", "Lie down.\nCycle.")
        .with_facet("alias", "Bicycle crunch")
        .with_facet("category", "strength")
        .with_facet("force", "pull")
        .with_facet("primary_muscles", "abdominals");
    assert_eq!(found, [expected]);
    check("a.json", r#"{"id": "x", "instructions": "Lie down."}"#, 1, "instructions");
}

#[test]
fn wger_fixtures_are_joined_across_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let row = |model: &str, pk: u32, fields: serde_json::Value| serde_json::json!({"model": model, "pk": pk, "fields": fields});
    let put = |name: &str, rows: &[serde_json::Value]| {
        write(dir.path(), name, &serde_json::to_string(rows).unwrap());
    };
    let words = |name: &str, description: &str, language: u32| {
        row(
            "exercises.translation",
            3,
            serde_json::json!({
                "name": name, "description": description, "language": language, "uuid": name,
                "license_author": "wger.de", "exercise": 95,
            }),
        )
    };
    put(
        "translations.json",
        &[
            words("Kniebeuge", "<p>Langsam runter.</p><ul><li>Knie nach au&amp;en</li></ul>", 1),
            words("Empty", "<p>.</p>", 1),
        ],
    );
    let problem = read_documents(dir.path()).unwrap_err();
    assert!(problem.to_string().contains("languages.json"), "{problem}");
    put("languages.json", &[row("core.language", 1, serde_json::json!({"short_name": "de"}))]);
    put(
        "muscles.json",
        &[
            row(
                "exercises.muscle",
                10,
                serde_json::json!({"name": "Quadriceps femoris", "name_en": "Quads"}),
            ),
            row("exercises.muscle", 15, serde_json::json!({"name": "Soleus", "name_en": ""})),
        ],
    );
    put(
        "categories.json",
        &[row("exercises.exercisecategory", 9, serde_json::json!({"name": "Legs"}))],
    );
    put(
        "exercise-base-data.json",
        &[row(
            "exercises.exercisebase",
            95,
            serde_json::json!({
                "category": 9, "muscles": [10], "muscles_secondary": [15], "equipment": [],
            }),
        )],
    );
    let found = read_documents(dir.path()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].text(), "Langsam runter.\nKnie nach au&en");
    assert_eq!((found[0].id.as_str(), found[0].lang.as_str()), ("Kniebeuge", "de"));
    for (facet, value) in [
        ("category", "Legs"),
        ("muscles", "Quads"),
        ("muscles_secondary", "Soleus"),
        ("exercise", "95"),
    ] {
        assert!(found[0].has_facet(facet, value), "{facet}");
    }
    assert!(found[0].source.citation.contains("wger.de"));
}
