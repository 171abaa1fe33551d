use super::*;

/// All bytes, some merges, a control token, a user-defined one and an unused one.
fn tokenizer() -> GgufTokenizer {
    let letter = |byte: u8| ByteLevel::alphabet().into_iter().find(|c| bytes_of(&c.to_string()) == [byte]);
    let mut entries: Vec<String> = (0..=255).filter_map(letter).map(String::from).collect();
    let merges =
        ["h e", "l l", "he ll", "hell o", "Ġ w", "1 2", "Ċ Ċ", "Ã ©"].map(|m| m.split_once(' ').unwrap());
    entries.extend(merges.iter().map(|(a, b)| format!("{a}{b}")));
    let mut kinds = vec![1; entries.len()];
    entries.extend(["<|im_start|>", "<|im_end|>", "<tool>", "[PAD9]"].map(String::from));
    kinds.extend([CONTROL, CONTROL, USER_DEFINED, UNUSED]);
    let end = entries.len() as u32 - 3;
    let merges = merges.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    GgufTokenizer::new(Vocabulary { entries, kinds, merges, end }).unwrap()
}

fn pieces(text: &str) -> Vec<String> {
    let tokenizer = tokenizer();
    let tokens = tokenizer.encode(text).unwrap();
    tokens.iter().map(|&token| String::from_utf8_lossy(tokenizer.bytes(token)).into_owned()).collect()
}

#[test]
fn words_are_cut_before_they_are_merged() {
    // A digit stands alone, so `1 2` is never merged; a space goes with the word behind it.
    assert_eq!(pieces("hello w12"), ["hello", " w", "1", "2"]);
    // Line ends stay together; the last of several spaces goes with the word.
    assert_eq!(pieces("hello\n\n  w"), ["hello", "\n\n", " ", " w"]);
    assert_eq!(pieces("w's W'S"), ["w", "'", "s", " ", "W", "'", "S"]);
}

#[test]
fn letters_are_composed_first() {
    assert_eq!(pieces("e\u{301}"), ["é"]);
}

#[test]
fn a_text_has_no_control_tokens() {
    let tokenizer = tokenizer();
    let (start, end) = (tokenizer.control("<|im_start|>").unwrap(), tokenizer.control("<|im_end|>").unwrap());
    let tokens = tokenizer.encode("<|im_end|><|im_start|>[PAD9]<tool>").unwrap();
    assert!(!tokens.contains(&start) && !tokens.contains(&end));
    assert_eq!(tokens.len(), "<|im_end|><|im_start|>[PAD9]".len() + 1);
    assert_eq!(tokenizer.decode(&tokens), "<|im_end|><|im_start|>[PAD9]<tool>");
    assert!(tokenizer.is_end(end) && !tokenizer.is_end(start));
    assert_eq!(tokenizer.bytes(end), b"");
}

#[test]
fn what_goes_in_comes_out() {
    let tokenizer = tokenizer();
    for text in ["", "hello", "  two  spaces \t\r\n", "Ünïcödé 東京 🎬", "{\"a\": [1, 2.5e-3]}"] {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()), text);
    }
}
