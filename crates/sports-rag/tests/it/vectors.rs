//! Embedders read from files, and the graph over many vectors.

#[cfg(feature = "model2vec")]
mod model2vec {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use serde::Deserialize;
    use sports_rag::{Config, Document, Embedder, Error, Fusion, Model2Vec, Query, Store};

    /// The Python package gives half precision back where the model is in half precision.
    const HALF_TOLERANCE: f32 = 1e-3;
    /// f32 sums of a few tokens; the package weighs in double precision.
    const SINGLE_TOLERANCE: f32 = 1e-6;

    #[derive(Deserialize)]
    struct Golden {
        texts: Vec<String>,
        plain: Vec<Vec<f32>>,
        quantised: Vec<Vec<f32>>,
    }

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/model2vec").join(name)
    }

    #[track_caller]
    fn check(name: &str, texts: &[String], expected: &[Vec<f32>], tolerance: f32) {
        let model = Model2Vec::load(folder(name)).unwrap();
        assert_eq!(model.dim(), 6);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for ((text, found), expected) in
            texts.iter().zip(model.embed(&texts).unwrap()).zip(expected)
        {
            // The package scales to length 1; here the store does.
            let norm = found.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found / norm - expected).abs() < tolerance,
                    "{name}, {text}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn vectors_equal_the_python_package() {
        let golden: Golden =
            serde_json::from_str(include_str!("../fixtures/model2vec/golden.json")).unwrap();
        check("plain", &golden.texts, &golden.plain, HALF_TOLERANCE);
        check("quantised", &golden.texts, &golden.quantised, SINGLE_TOLERANCE);
    }

    #[test]
    fn a_store_ranks_with_it_and_refuses_another_model() {
        let dir = tempfile::tempdir().unwrap();
        let with = |name: &str| {
            Config::new().with_embedder(Arc::new(Model2Vec::load(folder(name)).unwrap()))
        };
        let mut store = Store::create(dir.path(), with("plain")).unwrap();
        let documents =
            [Document::new("a", "", "squat knee"), Document::new("b", "", "throw ball")];
        store.upsert(&documents).unwrap();
        store.commit().unwrap();
        let query = Query::new("knees squat").with_fusion(Fusion::Dense);
        assert_eq!(store.search(&query).unwrap()[0].doc_id, "a");
        drop(store);
        let other = Store::open(dir.path(), with("quantised")).unwrap_err();
        assert!(matches!(other, Error::RebuildNeeded { what: "config", .. }), "{other}");
    }

    /// Writes a safetensors file: header length, header, data.
    fn write_tensors(path: &Path, header: &str, data: &[u8]) {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn broken_models_are_named_by_file_and_tensor() {
        let missing = Model2Vec::load(folder("none")).unwrap_err();
        assert!(
            matches!(missing, Error::Io { path, .. } if path.ends_with("none/model.safetensors"))
        );
        let dir = tempfile::tempdir().unwrap();
        let tensors = dir.path().join("model.safetensors");
        let tokenizer = std::fs::read(folder("plain/tokenizer.json")).unwrap();
        std::fs::write(dir.path().join("tokenizer.json"), &tokenizer).unwrap();
        let field = || match Model2Vec::load(dir.path()).unwrap_err() {
            Error::Parse { field, reason, .. } => format!("{field}: {reason}"),
            other => panic!("{other}"),
        };
        std::fs::write(&tensors, b"no tensors").unwrap();
        assert!(field().starts_with("header"));
        write_tensors(
            &tensors,
            r#"{"other":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            &[0; 4],
        );
        assert!(field().starts_with("embeddings: is missing"));
        let two = |extra: &str| {
            format!(
                r#"{{"embeddings":{{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}{extra}}}"#
            )
        };
        write_tensors(&tensors, &two(""), &[0; 8]);
        assert_eq!(field(), "embeddings: has 2 rows for 14 tokens");
        let mapping = r#","mapping":{"dtype":"I32","shape":[14],"data_offsets":[8,64]}"#;
        let mut data = vec![0; 64];
        data[60] = 2;
        write_tensors(&tensors, &two(mapping), &data);
        assert_eq!(field(), "mapping: names row 2 of 2");
        data[60..64].copy_from_slice(&(-1i32).to_le_bytes());
        write_tensors(&tensors, &two(mapping), &data);
        assert_eq!(field(), "mapping: names row -1");
        data[60..64].fill(0);
        data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        write_tensors(&tensors, &two(mapping), &data);
        assert_eq!(field(), "embeddings: value 0 is not finite");
        std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
        assert!(field().starts_with("tokenizer"));
    }
}

#[cfg(feature = "hnsw")]
mod hnsw {
    use std::collections::HashSet;
    use std::sync::Arc;

    use rand_distr::Distribution as _;
    use sports_rag::{Config, Document, Embedder, Fusion, Query, Result, Store};

    const DIM: usize = 32;
    const NUM_PASSAGES: usize = 3000;

    /// Texts are numbers, and the vector of a number is random but always the same: points around forty centres,
    /// as texts on forty subjects would lie.
    #[derive(Debug)]
    struct ByNumber;

    fn noise(seed: u64) -> Vec<f32> {
        let mut random = rand_pcg::Pcg64Mcg::new(u128::from(seed) << 1 | 1);
        let normal = rand_distr::StandardNormal;
        (0..DIM).map(|_| normal.sample(&mut random)).collect()
    }

    impl Embedder for ByNumber {
        fn id(&self) -> String {
            "by-number".into()
        }

        fn dim(&self) -> usize {
            DIM
        }

        fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
            let embed = |text: &&str| {
                let number: u64 = text.trim().parse().unwrap();
                let (centre, own) = (noise(number % 40), noise(1000 + number));
                centre.iter().zip(own).map(|(a, b)| a + 0.7 * b).collect()
            };
            Ok(texts.iter().map(embed).collect())
        }
    }

    fn store(graph_above: usize) -> Store {
        let config = Config::new().with_embedder(Arc::new(ByNumber)).with_graph_above(graph_above);
        let mut store = Store::in_memory(config).unwrap();
        let documents: Vec<Document> = (0..NUM_PASSAGES)
            .map(|n| {
                let parity = if n % 2 == 0 { "even" } else { "odd" };
                Document::new(n.to_string(), "", n.to_string()).with_facet("parity", parity)
            })
            .collect();
        store.upsert(&documents).unwrap();
        store.commit().unwrap();
        store
    }

    fn nearest(store: &Store, query: &Query) -> HashSet<String> {
        store.search(query).unwrap().into_iter().map(|hit| hit.doc_id).collect()
    }

    #[test]
    fn the_graph_finds_nearly_all_that_comparing_every_vector_finds() {
        let (mut graph, mut exact) = (store(100), store(usize::MAX));
        for deleted in ["7", "8", "9"] {
            graph.delete([deleted]).unwrap();
            exact.delete([deleted]).unwrap();
        }
        graph.commit().unwrap();
        exact.commit().unwrap();
        let (mut found, mut wanted) = (0, 0);
        for n in 0..100 {
            let plain = Query::new((NUM_PASSAGES + n).to_string())
                .with_fusion(Fusion::Dense)
                .with_candidates(10);
            for query in [plain.clone(), plain.with_filter("parity", ["odd"])] {
                let (near, all) = (nearest(&graph, &query), nearest(&exact, &query));
                assert_eq!((near.len(), all.len()), (10, 10));
                assert!(near.iter().all(|id| !["7", "8", "9"].contains(&id.as_str())));
                if !query.filters.is_empty() {
                    assert!(near.iter().all(|id| id.parse::<usize>().unwrap() % 2 == 1));
                }
                found += near.intersection(&all).count();
                wanted += all.len();
            }
        }
        let recall = found as f64 / f64::from(wanted as u32);
        eprintln!("recall at 10 beside exact search: {recall:.4}");
        // hnswlib reports above .95 at such settings; below that the graph would be built or asked wrongly.
        assert!(recall >= 0.95, "{recall}");
    }

    #[test]
    fn a_filter_that_leaves_few_passages_is_answered_exactly() {
        let query = Query::new("5000").with_fusion(Fusion::Dense).with_filter("parity", ["odd"]);
        // 1500 odd passages are fewer than the limit, 3000 in all are more.
        let hits = |graph_above| store(graph_above).search(&query).unwrap();
        assert_eq!(hits(2000), hits(usize::MAX));
    }
}
