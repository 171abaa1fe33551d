use segue_models::{ChatReply, Message, ToolDefinition};

use super::*;
use crate::model::Prompts;

fn functions() -> Vec<ToolDefinition> {
    let function = |name: &str, parameters: Json| ToolDefinition {
        name: name.to_owned(),
        description: String::new(),
        parameters,
    };
    vec![
        function(
            "find_flat",
            json!({
                "type": "object", "required": ["city", "number_of_beds"],
                "properties": {
                    "city": { "type": "string", "description": "Where" },
                    "number_of_beds": { "type": "string", "enum": ["1", "2", "3"] },
                    "number_of_baths": { "type": "string", "enum": ["1", "2", "3"] },
                    "pets_allowed": { "type": "string", "enum": ["True", "False"] },
                    "landlord": { "type": "string" },
                    "agency": { "type": "string" },
                }
            }),
        ),
        function(
            "visit",
            json!({
                "type": "object", "required": ["flat", "date"],
                "properties": { "flat": { "type": "string" }, "date": { "type": "string", "format": "date" } }
            }),
        ),
    ]
}

fn talk() -> Vec<Message> {
    vec![
        Message::user("I need a 2 bedroom flat where my pets can live"),
        Message::assistant("In which city?"),
        Message::user("In Delft"),
    ]
}

fn start(conversation: &[Message], most: u32) -> Calling {
    let functions = functions();
    let today = Some(Date::constant(2019, 3, 1));
    let callable = Callable { conversation, functions: &functions, consent: &[], today, most };
    Calling::new(&callable, &Prompts::load(None).unwrap()).unwrap()
}

fn after(machine: &mut Calling, reply: &str) -> Option<Called> {
    machine.feed(Ok(&ChatReply::text(reply)));
    match machine.next() {
        CallNext::Done(called) => Some(*called),
        CallNext::Ask(_) => None,
    }
}

#[test]
fn the_model_is_asked_only_for_what_code_leaves() {
    let CallNext::Ask(request) = start(&talk(), 1).next() else { panic!("nothing is asked") };
    let schema = request.format.unwrap().schema;
    let properties = schema.pointer("/anyOf/0/properties/arguments/properties").unwrap();
    let asked: Vec<_> = properties.as_object().unwrap().keys().collect();
    assert_eq!(asked, ["city"], "of one name that is said, the required text is one");
    assert!(request.messages[0].content.contains("Friday, 2019-03-01"));
    assert_eq!(request.tools.len(), 2);
}

#[test]
fn what_nobody_says_does_not_count() {
    let mut machine = start(&talk(), 1);
    let reply = r#"{"name":"find_flat","arguments":{"city":"Delft","landlord":"Mr Smith","agency":"Delft"}}"#;
    let called = after(&mut machine, reply).unwrap();
    let args = json!({"city": "Delft", "number_of_beds": "2", "pets_allowed": "True"});
    assert_eq!(Json::from(called.calls[0].args.clone()), args);
    let refused =
        ["`landlord`: nobody says \"Mr Smith\"", "`agency`: its value is that of another parameter"];
    assert_eq!(called.refused, refused);
}

#[test]
fn days_are_resolved_by_code() {
    let talk = [Message::user("Visit the Blue House with me next Friday, no, rather on the 5th of March")];
    let called =
        after(&mut start(&talk, 1), r#"{"name":"visit","arguments":{"flat":"Blue House"}}"#).unwrap();
    assert_eq!(called.calls[0].args["date"], "2019-03-05");
}

/// An offer of a flat, questions about it, and consent to what is then proposed.
fn agreed() -> Vec<Message> {
    vec![
        Message::user("A flat in Delft with one bedroom please. Something with 2 baths."),
        Message::assistant("Blue House has 1 bedroom and 2 baths."),
        Message::user("Is it furnished, and are pets allowed? Let me see it on the 4th."),
        Message::assistant("To confirm: you see Blue House on March 5th."),
        Message::user("Yes, that is right."),
    ]
}

#[test]
fn an_accepted_proposal_settles_the_function_and_its_day() {
    let mut machine = start(&agreed(), 1);
    let CallNext::Ask(request) = machine.next() else { panic!("nothing is asked") };
    let schema = request.format.unwrap().schema;
    assert_eq!(schema["properties"]["name"]["enum"], json!(["visit"]));
    let flat = &schema["properties"]["arguments"]["properties"]["flat"]["enum"];
    assert_eq!(
        flat,
        &json!(["To confirm", "confirm", "Blue House", "Blue", "House"]),
        "words of the proposal, without its day"
    );
    let called = after(&mut machine, r#"{"name":"visit","arguments":{"flat":"Blue House"}}"#).unwrap();
    assert_eq!(Json::from(called.calls[0].args.clone()), json!({"flat": "Blue House", "date": "2019-03-05"}));
}

#[test]
fn questions_about_an_offer_are_no_wishes() {
    let mut talk = agreed();
    talk.truncate(3);
    talk.push(Message::assistant("It is. Anything else?"));
    talk.push(Message::user("Find another one with two bedrooms"));
    let called = after(&mut start(&talk, 1), r#"{"name":"find_flat","arguments":{"city":"Delft"}}"#).unwrap();
    let args = json!({"city": "Delft", "number_of_beds": "2", "number_of_baths": "2"});
    assert_eq!(Json::from(called.calls[0].args.clone()), args);
}

#[test]
fn years_count_back_from_today() {
    let years: Vec<String> = (2010..2020).map(|y| y.to_string()).collect();
    let schema = json!({"type": "object", "properties": {"year": {"type": "string", "enum": years}}});
    let function = ToolDefinition { name: "find".to_owned(), description: String::new(), parameters: schema };
    for (text, year) in [
        ("a song from 2 years ago", Some("2017")),
        ("one of five years back", Some("2014")),
        ("it came out last year", Some("2018")),
        ("from 2012", Some("2012")),
        ("something from '16", Some("2016")),
        ("ten songs", None),
    ] {
        let functions = [function.clone()];
        let conversation = [Message::user(text)];
        let today = Some(Date::constant(2019, 3, 1));
        let callable =
            Callable { conversation: &conversation, functions: &functions, consent: &[], today, most: 1 };
        let mut machine = Calling::new(&callable, &Prompts::load(None).unwrap()).unwrap();
        let called = after(&mut machine, r#"{"name":"find","arguments":{}}"#).unwrap();
        assert_eq!(called.calls[0].args.get("year").and_then(Json::as_str), year, "{text}");
    }
}

#[test]
fn functions_that_change_something_wait_for_consent() {
    let functions = functions();
    let consent = ["visit".to_owned()];
    let asked = |conversation: &[Message]| {
        let callable =
            Callable { conversation, functions: &functions, consent: &consent, today: None, most: 1 };
        match Calling::new(&callable, &Prompts::load(None).unwrap()).unwrap().next() {
            CallNext::Ask(request) => {
                request.format.unwrap().schema.pointer("/properties/name/enum").cloned()
            }
            CallNext::Done(_) => None,
        }
    };
    assert_eq!(asked(&talk()), Some(json!(["find_flat"])));
    assert_eq!(asked(&agreed()), Some(json!(["visit"])));
}

#[test]
fn a_conversation_is_put_on_record() {
    let CallNext::Ask(request) = start(&talk(), 1).next() else { panic!("nothing is asked") };
    let said = "User: I need a 2 bedroom flat where my pets can live\nAssistant: In which city?\nUser: In Delft\n\nReply with the \
                function call that this conversation asks for now.";
    assert_eq!(request.messages.len(), 2);
    assert_eq!(request.messages[1].content.trim(), said);
}

#[test]
fn a_faulty_reply_is_asked_for_once_more() {
    let mut machine = start(&[Message::user("flats in Delft")], 1);
    assert_eq!(after(&mut machine, r#"{"name":"find_flt","arguments":{}}"#), None);
    let CallNext::Ask(request) = machine.next() else { panic!("nothing is asked") };
    let told = &request.messages.last().unwrap().content;
    assert!(told.contains("there is no function `find_flt`; nearest: `find_flat`"), "{told}");
    let called = after(&mut machine, r#"{"name":"find_flat","arguments":{"city":"Delft"}}"#).unwrap();
    assert_eq!(called.failed.unwrap(), "its reply cannot be used: `find_flat` needs `number_of_beds`");
}

#[test]
fn several_calls_are_each_checked() {
    let mut machine = start(&[Message::user("flats of 1 and of 2 bedrooms in Delft, please")], 4);
    let reply = r#"{"calls":[
        {"name":"find_flat","arguments":{"city":"Delft","number_of_beds":1}},
        {"name":"find_flat","arguments":{"city":"Delft","number_of_beds":"two"}},
        {"name":"find_flat","arguments":{"city":"Delft","number_of_beds":"1"}}]}"#;
    let called = after(&mut machine, reply).unwrap();
    let beds: Vec<_> = called.calls.iter().map(|c| c.args["number_of_beds"].clone()).collect();
    assert_eq!(beds, ["1", "2"]);
    assert_eq!(called.refused, ["`find_flat` is called twice with the same arguments"]);
}

#[test]
fn a_negation_is_left_to_the_model() {
    let talk = [Message::user("a 2 bedroom flat in Delft, I have no pets")];
    let called = after(
        &mut start(&talk, 1),
        r#"{"name":"find_flat","arguments":{"city":"Delft","pets_allowed":"false"}}"#,
    );
    assert_eq!(called.unwrap().calls[0].args["pets_allowed"], "False");
}

#[test]
fn a_negation_reaches_to_the_end_of_its_clause() {
    for (text, pets) in [
        ("a 2 bedroom flat in Delft. No smoking, pets allowed", Some("True")),
        ("a 2 bedroom flat in Delft where pets aren't allowed", None),
        ("a 2 bedroom flat in Delft, no noise but pets", Some("True")),
    ] {
        let reply = r#"{"name":"find_flat","arguments":{"city":"Delft"}}"#;
        let called = after(&mut start(&[Message::user(text)], 1), reply).unwrap();
        assert_eq!(called.calls[0].args.get("pets_allowed").and_then(Json::as_str), pets, "{text}");
    }
}

#[test]
fn a_call_that_waits_is_refused() {
    let (functions, conversation) = (functions(), talk());
    let consent = ["visit".to_owned(), "find_flat".to_owned()];
    let start = |consent: &[String]| {
        let callable =
            Callable { conversation: &conversation, functions: &functions, consent, today: None, most: 4 };
        Calling::new(&callable, &Prompts::load(None).unwrap()).unwrap()
    };
    let CallNext::Done(called) = start(&consent).next() else { panic!("something is asked") };
    assert_eq!(called.failed.unwrap(), "no function can be called before the user consents");
    let mut machine = start(&consent[..1]);
    let reply = r#"{"name":"visit","arguments":{"flat":"A","date":"2019-03-05"}}"#;
    assert_eq!(after(&mut machine, reply), None);
    let called = after(&mut machine, reply).unwrap();
    assert_eq!(
        called.failed.unwrap(),
        "its reply cannot be used: `visit` cannot be called now, but find_flat"
    );
}

#[test]
fn of_very_many_calls_only_so_many_are_made() {
    let many: Vec<u32> = (0..1000).collect();
    let draft = json!({ "name": "loan.pay", "arguments": { "amount": many, "years": many } });
    let mut machine = loans("loans of all kinds");
    let called = after(&mut machine, &draft.to_string()).unwrap();
    assert_eq!(called.calls.len(), 8);
    assert_eq!(called.refused.first().unwrap(), "there are more calls than 8, and the others are left out");
}

#[test]
fn what_was_called_is_written_out_beside_its_faults() {
    let mut machine = loans("400 over 30 years");
    let call = ToolCallRequest {
        id: "1".to_owned(),
        name: "loan.pay".to_owned(),
        arguments: r#"{"amount":400}"#.to_owned(),
    };
    machine.feed(Ok(&ChatReply::calls(vec![call])));
    let CallNext::Ask(request) = machine.next() else { panic!("nothing is asked") };
    let [.., told, _] = request.messages.as_slice() else { panic!("nothing is told") };
    assert_eq!(told.content, r#"{"name":"loan.pay","arguments":{"amount":400}}"#);
}

#[test]
fn a_title_may_be_a_word_for_nothing() {
    let called = |text: &str| {
        let mut machine = start(&[Message::user(text)], 1);
        after(&mut machine, r#"{"name":"find_flat","arguments":{"city":"Any","number_of_beds":"1"}}"#)
    };
    assert_eq!(called("a flat with 1 bed in Any").unwrap().calls[0].args["city"], "Any");
    assert_eq!(called("a flat with 1 bed in any city"), None);
}

#[test]
fn a_model_by_itself_is_read_leniently() {
    let reply =
        ChatReply::text("Sure:\n```json\n{\"name\": \"visit\", \"arguments\": {\"flat\": \"A\"}}\n```");
    let calls = plain_calls(&reply, &functions());
    assert_eq!((calls.len(), calls[0].name.as_str()), (1, "visit"));
    assert!(plain_calls(&ChatReply::text("I have arranged a visit."), &functions()).is_empty());
}

/// A function of numbers, and a request for several calls of it.
fn loans(request: &str) -> Calling {
    let parameters = json!({
        "type": "object", "required": ["amount", "years"],
        "properties": { "amount": { "type": "integer" }, "years": { "type": "integer" }, "city": { "type": "string" } }
    });
    let functions = [ToolDefinition { name: "loan.pay".to_owned(), description: String::new(), parameters }];
    let conversation = [Message::user(request)];
    let callable =
        Callable { conversation: &conversation, functions: &functions, consent: &[], today: None, most: 8 };
    Calling::new(&callable, &Prompts::load(None).unwrap()).unwrap()
}

fn args_of(called: &Called) -> Json {
    called.calls.iter().map(|c| Json::from(c.args.clone())).collect()
}

#[test]
fn of_several_calls_a_draft_is_free_and_the_rest_is_asked_for_under_a_schema() {
    let mut machine = loans("John owes $400 for 10 years, Mary 500 for 20 years");
    let CallNext::Ask(draft) = machine.next() else { panic!("nothing is asked") };
    assert!(draft.format.is_none(), "the model's own way");
    assert_eq!(after(&mut machine, r#"{"name":"loan.pay","arguments":{"amount":400,"years":10}}"#), None);
    let CallNext::Ask(request) = machine.next() else { panic!("nothing is asked") };
    let told = &request.messages.last().unwrap().content;
    assert!(told.contains("no call has 500, 20"), "{told}");
    assert_eq!(request.format.unwrap().schema["properties"]["calls"]["minItems"], 2);
    let reply = r#"{"calls":[{"name":"loan.pay","arguments":{"amount":400,"years":10}},
        {"name":"loan.pay","arguments":{"amount":500,"years":20}}]}"#;
    let called = after(&mut machine, reply).unwrap();
    assert_eq!(args_of(&called), json!([{"amount": 400, "years": 10}, {"amount": 500, "years": 20}]));
}

#[test]
fn a_second_reply_that_is_worse_does_not_count() {
    let mut machine = loans("Both of them owe 400 for 10 years");
    assert_eq!(after(&mut machine, r#"{"name":"loan.pay","arguments":{"amount":400,"years":10}}"#), None);
    let called = after(&mut machine, r#"{"calls":[{"name":"loan.pay","arguments":{"amount":7}}]}"#).unwrap();
    assert_eq!(args_of(&called), json!([{"amount": 400, "years": 10}]));
}

#[test]
fn a_list_is_a_call_for_each_of_it() {
    let draft = r#"{"name":"loan.pay","arguments":{"amount":400000,"years":30}}"#;
    let called = after(&mut loans("$400,000 over 15, 20 and 30 years"), draft).unwrap();
    let each = |years: u32| json!({"amount": 400_000, "years": years});
    assert_eq!(args_of(&called), json!([each(15), each(20), each(30)]));
    let draft = r#"{"name":"loan.pay","arguments":{"amount":4,"years":3,"city":"Rome and Paris"}}"#;
    let called = after(&mut loans("4 over 3 years in both Rome and Paris"), draft).unwrap();
    let each = |city: &str| json!({"amount": 4, "years": 3, "city": city});
    assert_eq!(args_of(&called), json!([each("Rome"), each("Paris")]));
    for one in ["Trinidad and Tobago", "Doe,Jane", "Rome or Paris"] {
        let draft = json!({"name": "loan.pay", "arguments": {"amount": 4, "years": 3, "city": one}});
        let called = after(&mut loans(&format!("4 over 3 years in {one}")), &draft.to_string()).unwrap();
        assert_eq!(args_of(&called), json!([{"amount": 4, "years": 3, "city": one}]));
    }
    let draft = r#"{"name":"loan.pay","arguments":{"amount":[4,5],"years":[2,3]}}"#;
    let called = after(&mut loans("4 and 5 over 2 and 3 years respectively"), draft).unwrap();
    assert_eq!(args_of(&called), json!([{"amount": 4, "years": 2}, {"amount": 5, "years": 3}]));
    let draft = r#"{"name":"loan.pay","arguments":{"amount":4,"years":[2,3],"city":"Rome; Paris"}}"#;
    let called = after(&mut loans("4 over 2 and 3 years in Rome and Paris respectively"), draft).unwrap();
    let each = |years: u32, city: &str| json!({"amount": 4, "years": years, "city": city});
    assert_eq!(args_of(&called), json!([each(2, "Rome"), each(3, "Paris")]), "of all four, those in order");
}

/// The calls for a request of a function that orders things.
fn ordered(request: &str, draft: &Json) -> Json {
    let sizes = json!({ "type": "string", "enum": ["small", "large"] });
    let parameters = json!({
        "type": "object", "required": ["dishes"],
        "properties": {
            "dishes": { "type": "array", "items": { "type": "string" } }, "size": sizes, "quick_delivery": { "type": "boolean" },
            "sides": { "type": "array", "items": { "type": "string", "enum": ["rice", "bread", "salad"] } },
            "points": { "type": "array", "items": { "type": "integer" } }, "days": { "type": "integer" },
            "date": { "type": "string", "description": "The date, as MM-DD-YYYY" }
        }
    });
    let functions = [ToolDefinition { name: "order".to_owned(), description: String::new(), parameters }];
    let conversation = [Message::user(request)];
    let callable =
        Callable { conversation: &conversation, functions: &functions, consent: &[], today: None, most: 8 };
    let mut machine = Calling::new(&callable, &Prompts::load(None).unwrap()).unwrap();
    let draft = json!({ "name": "order", "arguments": draft });
    args_of(&after(&mut machine, &draft.to_string()).unwrap())
}

#[test]
fn what_is_stated_outright_is_called_for() {
    for (request, draft, expected) in [
        (
            "A large soup by quick delivery",
            json!({"dishes": ["Large soup"], "quick_delivery": false}),
            json!([{"dishes": ["soup"], "quick_delivery": true, "size": "large"}]),
        ),
        (
            "A large soup, no quick delivery",
            json!({"dishes": ["soup"], "size": "large"}),
            json!([{"dishes": ["soup"], "size": "large"}]),
        ),
        ("Soup, not large", json!({"dishes": ["soup"]}), json!([{"dishes": ["soup"]}])),
        ("Soup in anything but large", json!({"dishes": ["soup"]}), json!([{"dishes": ["soup"]}])),
        (
            "Soup, small or large",
            json!({"dishes": ["soup"], "size": "small"}),
            json!([{"dishes": ["soup"], "size": "small"}]),
        ),
        (
            "Soup with rice, no bread",
            json!({"dishes": ["soup"], "sides": ["rice"]}),
            json!([{"dishes": ["soup"], "sides": ["rice"]}]),
        ),
        (
            "Soup with rice and salads",
            json!({"dishes": ["soup"], "sides": ["rice"]}),
            json!([{"dishes": ["soup"], "sides": ["rice", "salad"]}]),
        ),
        (
            "Soup in small and large",
            json!({"dishes": ["soup"], "size": "small"}),
            json!([{"dishes": ["soup"], "size": "small"}, {"dishes": ["soup"], "size": "large"}]),
        ),
        (
            "Soup for a month, from 2 May 2022",
            json!({"dishes": ["soup"], "days": 30, "date": "2 May 2022"}),
            json!([{"dishes": ["soup"], "days": 30, "date": "05-02-2022"}]),
        ),
        (
            "Soup at [1, 2] and [3, 4]",
            json!({"dishes": ["soup"], "points": [[1, 2], [3, 4]]}),
            json!([{"dishes": ["soup"], "points": [1, 2]}, {"dishes": ["soup"], "points": [3, 4]}]),
        ),
    ] {
        assert_eq!(ordered(request, &draft), expected, "{request}");
    }
}

#[test]
fn a_number_with_the_unit_of_another_is_asked_for() {
    let mut machine = loans("A loan of 400 dollars in Rome and of 500 dollars in Paris");
    let functions = machine.functions.clone();
    let call = |amount: u32| FunctionCall {
        name: "loan.pay".to_owned(),
        args: json!({"amount": amount, "city": "Rome"}).as_object().unwrap().clone(),
    };
    let gap = |amount| gaps::gap(&[call(amount)], &functions, &machine.said);
    assert!(gap(400).unwrap().why.contains("no call has 500"));
    machine.said = Said::new(&[Message::user("A loan of 400 dollars at 5 per cent")]);
    assert_eq!(gaps::gap(&[call(400)], &functions, &machine.said), None);
}

#[test]
fn one_thing_is_one_call() {
    for request in
        ["400 over 30 years, 3% fees", "between 30 and 400", "400 for 30 years in Paris and for my wife"]
    {
        let mut machine = loans(request);
        let draft = r#"{"name":"loan.pay","arguments":{"amount":400,"years":30}}"#;
        assert_eq!(args_of(&after(&mut machine, draft).unwrap()), json!([{"amount": 400, "years": 30}]));
    }
}

#[test]
fn a_draft_without_end_is_asked_for_under_a_schema() {
    let mut machine = loans("400 over 30 years in Paris");
    machine.feed(Err("it stopped after 400 tokens"));
    let CallNext::Ask(request) = machine.next() else { panic!("nothing is asked") };
    assert!(request.format.is_some());
    let reply =
        r#"{"calls":[{"name":"loan.pay","arguments":{"amount":400,"years":30,"city":"Paris, France"}}]}"#;
    let called = after(&mut machine, reply).unwrap();
    assert_eq!(
        args_of(&called),
        json!([{"amount": 400, "years": 30, "city": "Paris"}]),
        "nobody says France"
    );
}

#[test]
fn of_optional_texts_only_so_many_are_asked_for_as_are_said() {
    let text = || json!({ "type": "string" });
    let find = json!({"type": "object", "properties": {"author": text(), "series": text(), "topic": text()}});
    let functions = ["FindBook", "ReadBook"].map(|name| ToolDefinition {
        name: name.to_owned(),
        description: String::new(),
        parameters: find.clone(),
    });
    let arguments = |conversation: &[Message]| {
        let callable = Callable { conversation, functions: &functions, consent: &[], today: None, most: 1 };
        match Calling::new(&callable, &Prompts::load(None).unwrap()).unwrap().next() {
            CallNext::Ask(request) => {
                request.format.unwrap().schema.pointer("/anyOf/0/properties/arguments").cloned().unwrap()
            }
            CallNext::Done(_) => panic!("nothing is asked"),
        }
    };
    assert_eq!(arguments(&[Message::user("I'd like to find a book.")])["properties"], json!({}));
    let talk = [
        Message::user("A table at Blue Bottle please"),
        Message::assistant("It is booked."),
        Message::user("Great, thanks. Now find books, I like Ursula Le Guin"),
    ];
    let each = arguments(&talk)["anyOf"].as_array().unwrap().clone();
    let given: Vec<Vec<&String>> =
        each.iter().map(|one| one["properties"].as_object().unwrap().keys().collect()).collect();
    assert_eq!(given, [vec!["author"], vec!["series"], vec!["topic"], vec![]]);
    let texts = each[0]["properties"]["author"]["enum"].to_string();
    assert!(texts.contains("Ursula Le Guin") && !texts.contains("Blue Bottle"), "{texts}");
    for request in ["find a book of the series Earthsea", "find a book by Ursula Le Guin"] {
        assert_eq!(
            arguments(&[Message::user(request)])["properties"],
            json!({}),
            "code has read it: {request}"
        );
    }
}
