//! Rendered conversations against transformers, and conversations that grow.

use deepsport_model::Error;
use deepsport_model::chat::{
    ChatTemplate, Dialect, JinjaTemplate, Json, Message, Part, RenderOptions, Role, Transcript,
    expand_placeholders, new_ids,
};
use deepsport_model::processor::Pixels;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::fixtures::{find, own, own_json, read};
use crate::tokenizer::{published, toy};

/// Keys of tools keep their order, which `Value` would lose.
#[derive(Deserialize)]
struct File {
    tools: Vec<Json>,
    conversations: std::collections::HashMap<String, Vec<Message>>,
    renderings: Vec<Rendering>,
}

#[derive(Deserialize)]
struct Rendering {
    conversation: String,
    template: String,
    tools: bool,
    add_generation_prompt: bool,
    options: Options,
    text: String,
    toy_ids: Vec<u32>,
    real_ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    add_vision_id: bool,
}

fn file() -> File {
    serde_json::from_slice(&read("chat/chat.json")).unwrap()
}

/// Calls `check` with each of the 18 renderings.
fn for_each_rendering(check: impl Fn(&Rendering, &[Message], &RenderOptions)) {
    let file = file();
    assert_eq!(file.renderings.len(), 18);
    for rendering in &file.renderings {
        let options = RenderOptions {
            tools: if rendering.tools { file.tools.clone() } else { Vec::new() },
            add_generation_prompt: rendering.add_generation_prompt,
            add_vision_id: rendering.options.add_vision_id,
        };
        check(rendering, &file.conversations[&rendering.conversation], &options);
    }
}

#[test]
fn templates_render_as_in_transformers() {
    for_each_rendering(|expected, messages, options| {
        let name = format!("chat/{}.jinja", expected.template);
        let ours = own(&name);
        let Some(file) = ours.exists().then_some(ours).or_else(|| find(&name)) else { return };
        let template = JinjaTemplate::new(std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(template.render(messages, options).unwrap(), expected.text, "{name}");
    });
}

#[test]
fn built_in_formats_render_as_in_transformers() {
    for_each_rendering(|expected, messages, options| {
        let dialect = match expected.template.as_str() {
            "qwen2_5_vl" => Dialect::Vision,
            "qwen2_5" => Dialect::Text,
            _ => Dialect::VisionTools,
        };
        assert_eq!(dialect.render(messages, options).unwrap(), expected.text, "{dialect:?}");
    });
}

#[test]
fn ids_are_those_of_both_vocabularies() {
    for_each_rendering(|expected, _, _| {
        assert_eq!(toy().encode(&expected.text).unwrap(), expected.toy_ids);
        if let Some(tokenizer) = published() {
            assert_eq!(tokenizer.encode(&expected.text).unwrap(), expected.real_ids);
        }
    });
}

#[test]
fn a_checkpoint_has_its_template_in_one_of_three_files() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let render = || {
        let template = ChatTemplate::from_dir(dir.path()).unwrap();
        template.render(&[Message::user("x")], &RenderOptions::default()).unwrap()
    };
    assert!(render().starts_with("<|im_start|>system\nYou are a helpful assistant."));
    write(
        "tokenizer_config.json",
        r#"{"chat_template": [{"name": "other", "template": "-"}, {"name": "default", "template": "{{ messages|length }} c"}]}"#,
    );
    assert_eq!(render(), "1 c");
    write("chat_template.json", r#"{"chat_template": "{{ messages[0].content.upper() }} b"}"#);
    assert_eq!(render(), "X b");
    write("chat_template.jinja", "{{ messages[0].role.startswith('us') | tojson }} a\n");
    assert_eq!(render(), "true a");
    write("chat_template.jinja", "{{ raise_exception('no tools here') }}");
    let error = ChatTemplate::from_dir(dir.path())
        .unwrap()
        .render(&[Message::user("x")], &RenderOptions::default())
        .unwrap_err();
    assert!(error.to_string().contains("no tools here"), "{error}");
    write("chat_template.jinja", "{% if %}");
    assert!(matches!(ChatTemplate::from_dir(dir.path()), Err(Error::Template { .. })));
}

#[test]
fn messages_survive_being_written() {
    for (name, messages) in file().conversations {
        let text = serde_json::to_string(&messages).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Message>>(&text).unwrap(), messages, "{name}");
    }
    let read = |text: &str| serde_json::from_str::<Message>(text);
    let url =
        r#"{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a.png"}}]}"#;
    let expected = Message::user(vec![Part::Image(Some("a.png".into()))]);
    assert_eq!(read(url).unwrap(), expected);
    let bare =
        r#"{"role": "assistant", "content": null, "tool_calls": [{"name": "f", "arguments": {}}]}"#;
    assert_eq!(read(bare).unwrap().tool_calls[0].name, "f");
    assert!(read(r#"{"role": "user", "content": [{"type": "audio", "audio": "a.wav"}]}"#).is_err());
    assert!(read(r#"{"role": "nobody", "content": ""}"#).is_err());
}

fn picture([h, w]: [usize; 2]) -> Pixels {
    Pixels { patches: Vec::new(), grid: [1, h, w], seconds_per_grid: None }
}

fn clip([t, h, w]: [usize; 3]) -> Pixels {
    Pixels { patches: Vec::new(), grid: [t, h, w], seconds_per_grid: Some(1.0) }
}

#[test]
fn placeholders_are_as_many_as_the_tokens_of_their_medium() {
    let special = toy().special();
    let ids = toy().encode("a<|image_pad|>b<|video_pad|>").unwrap();
    let expand = |media: &[Pixels]| expand_placeholders(&ids, media, special, 2);
    let expanded = expand(&[picture([4, 6]), clip([3, 2, 4])]).unwrap();
    let count = |pad| expanded.iter().filter(|&&id| id == pad).count();
    assert_eq!((count(special.image_pad), count(special.video_pad)), (6, 6));
    assert_eq!(expanded.len(), 2 + 12);
    assert_eq!(
        expand(&[picture([4, 6]), picture([2, 2])]).unwrap_err().to_string(),
        "the prompt has 1 <|image_pad|> placeholders for 2 pictures or clips"
    );
    assert!(matches!(
        expand(&[picture([4, 6])]),
        Err(Error::PlaceholderCount { token: "<|video_pad|>", placeholders: 1, media: 0 })
    ));
    assert!(matches!(
        expand(&[clip([3, 2, 4]), picture([4, 6])]),
        Err(Error::Pixels { index: 0, .. })
    ));
}

#[test]
fn a_changed_prefix_is_named() {
    assert_eq!(new_ids(&[1, 2], &[1, 2, 3]).unwrap(), [3]);
    assert_eq!(
        new_ids(&[1, 2, 3], &[1, 7, 3, 4]).unwrap_err().to_string(),
        "token 1 was 2 and is now 7; the conversation was changed, or the template is not prefix-preserving"
    );
    assert!(matches!(
        new_ids(&[1, 2], &[1]),
        Err(Error::PrefixChanged { place: 1, after: None, .. })
    ));
}

#[test]
fn templates_that_rewrite_earlier_turns_are_refused() {
    // As Qwen3's does with thoughts: only the last reply is whole.
    let source =
        "{% for m in messages %}{{ m.content if loop.last else m.content[:1] }}|{% endfor %}";
    let template = ChatTemplate::Jinja(JinjaTemplate::new(source).unwrap());
    let mut transcript = start(&template, vec![Message::user("question")], Vec::new());
    transcript.reply(&toy().encode("answer").unwrap()).unwrap();
    let before = transcript.ids().to_vec();
    let error = transcript.extend(&[Message::user("more")], Vec::new()).unwrap_err();
    assert!(error.to_string().contains("not prefix-preserving"), "{error}");
    assert_eq!(transcript.ids(), before, "nothing changes on an error");
}

#[test]
fn turns_come_in_order() {
    let template = ChatTemplate::default();
    let mut transcript = start(&template, vec![Message::user("a")], Vec::new());
    assert!(matches!(transcript.extend(&[], Vec::new()), Err(Error::Request { .. })));
    let pad = toy().special().image_pad;
    assert!(matches!(transcript.reply(&[5, pad]), Err(Error::Pixels { .. })));
    transcript.reply(&[5]).unwrap();
    assert!(matches!(transcript.reply(&[5]), Err(Error::Request { .. })));
}

fn start<'a>(
    template: &'a ChatTemplate,
    messages: Vec<Message>,
    media: Vec<Pixels>,
) -> Transcript<'a> {
    Transcript::new(template, toy(), messages, RenderOptions::default(), media, 2).unwrap()
}

#[test]
fn a_transcript_is_the_golden_conversation() {
    let file = file();
    let messages = &file.conversations["tool_parts"];
    let expected = &file.renderings[13]; // tools, generation prompt, our template
    assert_eq!((expected.conversation.as_str(), expected.tools), ("tool_parts", true));
    let template = ChatTemplate::default();
    let cell = |num: usize| vec![picture([2, 2]); num]; // one token each, so ids stay as they are
    let options = RenderOptions::default().with_tools(file.tools.clone());
    let mut transcript =
        Transcript::new(&template, toy(), messages[..2].to_vec(), options, cell(2), 2).unwrap();
    let end = "<|im_end|>";
    // The first reply ends with a sampled <|im_end|>, the second was cut before it.
    let replies = [
        format!("Let me look closer.\n<tool_call>\n{{\"name\": \"get_frames\", \"arguments\": {{\"start_s\": 1.0, \"end_s\": 2.5, \"count\": 4}}}}\n</tool_call>\n<tool_call>\n{{\"name\": \"measure_angle\", \"arguments\": {{\"joint\": \"hüfte\"}}}}\n</tool_call>{end}"),
        "<tool_call>\n{\"name\": \"get_frames\", \"arguments\": {\"start_s\": 1.5, \"end_s\": 1.75}}\n</tool_call>".to_owned(),
        format!("The jump starts at 1.6 s.{end}"),
    ];
    let turns = [(&messages[3..5], 4), (&messages[6..7], 2), (&messages[8..9], 0)];
    for (reply, (turn, num_pictures)) in replies.iter().zip(turns) {
        transcript.reply(&toy().encode(reply).unwrap()).unwrap();
        transcript.extend(turn, cell(num_pictures)).unwrap();
    }
    assert_eq!(transcript.ids(), expected.toy_ids);
    assert_eq!(transcript.media().len(), 8);
    assert_eq!(
        own_json("chat/chat.json")["renderings"][13]["template"],
        Value::from("qwen2_5_vl_tools")
    );
}

proptest! {
    /// Whatever is sampled and said, each turn begins with the ids of the one before, and decodes to the rendered text.
    #[test]
    fn turns_begin_with_the_turns_before(
        dialect in prop::sample::select(vec![Dialect::VisionTools, Dialect::Vision]),
        turns in prop::collection::vec(
            (prop::collection::vec(0u32..1152, 0..12), any::<bool>(), "[ -~é膝\n]{0,20}", any::<bool>(), 0usize..3),
            1..5,
        ),
    ) {
        let template = ChatTemplate::BuiltIn(dialect);
        let mut transcript = start(&template, vec![Message::user("Watch.")], Vec::new());
        for (mut sampled, is_ended, said, is_tool, num_pictures) in turns {
            if is_ended { sampled.push(toy().special().im_end); }
            let before = transcript.ids().to_vec();
            transcript.reply(&sampled).unwrap();
            let mut parts = vec![Part::Image(None); num_pictures];
            parts.push(Part::Text(said));
            let role = if is_tool { Role::Tool } else { Role::User };
            let media = vec![picture([4, 4]); num_pictures];
            let new = transcript.extend(&[Message::new(role, parts)], media).unwrap().to_vec();
            let expected: Vec<u32> = sampled.into_iter().chain(new).collect();
            prop_assert_eq!(new_ids(&before, transcript.ids()).unwrap(), expected);
            prop_assert!(toy().decode(transcript.ids()).ends_with("<|im_end|>\n<|im_start|>assistant\n"));
        }
    }
}
