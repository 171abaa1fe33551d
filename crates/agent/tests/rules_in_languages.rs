//! The rules planner on one small catalogue in each language: what is asked there is read as in English.

#![expect(clippy::unwrap_used, reason = "a test")]

use expect_test::{Expect, expect};
use segue_agent::rules::Situation;
use segue_agent::{Constraints, Language, Reading, ShownItem, rules};
use segue_catalog::{Dataset, Snapshot, Workspace, import, write_lookups};
use segue_world::RealWorld;

const DUTCH: (&str, &str) = (
    "\
id,titel,soort,stad,prijs,kamers,oppervlakte,bouwjaar,kenmerken
h1,Grachtzicht,appartement,Amsterdam,450000,2,70,1985,balkon;lift
h2,De Oude Molen,huis,Utrecht,720000,4,160,1890,tuin
h3,Tuinrij 7,huis,Amsterdam,890000,5,190,1995,tuin;garage
h4,Stationsloft,studio,Rotterdam,240000,1,38,2005,lift
h5,Havenhuis,huis,Den Haag,385000,3,85,1972,balkon
",
    r#"
name = "woningen"
noun = "woning"
[items]
file = "items.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "titel"
role = "title"
[[fields]]
name = "soort"
role = "category"
synonyms = { "flat" = "appartement", "huizen" = "huis" }
[[fields]]
name = "stad"
role = "category"
aliases = ["in"]
[[fields]]
name = "prijs"
role = "number"
unit = "eur"
high = ["duur"]
low = ["goedkoop", "betaalbaar"]
[[fields]]
name = "kamers"
role = "number"
type = "integer"
[[fields]]
name = "oppervlakte"
role = "number"
unit = "square_metres"
high = ["groot", "ruim"]
low = ["klein"]
[[fields]]
name = "bouwjaar"
role = "number"
type = "integer"
unit = "year"
aliases = ["gebouwd"]
high = ["nieuw"]
low = ["oud"]
[[fields]]
name = "kenmerken"
role = "category"
separator = ";"
"#,
);

const PORTUGUESE: (&str, &str) = (
    "\
id,titulo,tipo,cidade,preco,quartos,area,ano,extras
h1,Vista do Rio,apartamento,Lisboa,450000,2,70,1985,varanda;elevador
h2,O Velho Moinho,casa,Porto,720000,4,160,1890,jardim
h3,Rua do Jardim 7,casa,Lisboa,890000,5,190,1995,jardim;garagem
h4,Estúdio da Estação,estúdio,Coimbra,240000,1,38,2005,elevador
h5,Casa do Cais,casa,Nova Friburgo,385000,3,85,1972,varanda
",
    r#"
name = "imóveis"
noun = "imóvel"
[items]
file = "items.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "titulo"
role = "title"
[[fields]]
name = "tipo"
role = "category"
[[fields]]
name = "cidade"
role = "category"
aliases = ["em"]
[[fields]]
name = "preco"
role = "number"
unit = "eur"
high = ["caro"]
low = ["barato"]
[[fields]]
name = "quartos"
role = "number"
type = "integer"
[[fields]]
name = "area"
role = "number"
unit = "square_metres"
high = ["grande", "espaçoso"]
low = ["pequeno"]
[[fields]]
name = "ano"
role = "number"
type = "integer"
unit = "year"
aliases = ["construído"]
high = ["novo"]
low = ["antigo"]
[[fields]]
name = "extras"
role = "category"
separator = ";"
"#,
);

const CHINESE: (&str, &str) = (
    "\
id,title,kind,city,price,bedrooms,area,year,features
h1,江景公寓,公寓,上海,450000,2,70,1985,阳台;电梯
h2,老磨坊,别墅,苏州,720000,4,160,1890,花园
h3,花园路七号,别墅,上海,890000,5,190,1995,花园;车库
h4,车站小屋,单间,杭州,240000,1,38,2005,电梯
h5,港口之家,别墅,三亚,385000,3,85,1972,阳台
",
    r#"
name = "房源"
noun = "房子"
[items]
file = "items.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "kind"
aliases = ["类型"]
role = "category"
[[fields]]
name = "city"
role = "category"
aliases = ["城市", "在"]
[[fields]]
name = "price"
aliases = ["价格"]
role = "number"
high = ["贵"]
low = ["便宜"]
[[fields]]
name = "bedrooms"
role = "number"
type = "integer"
aliases = ["卧室", "居室", "室"]
[[fields]]
name = "area"
aliases = ["面积"]
role = "number"
unit = "square_metres"
high = ["大", "宽敞"]
low = ["小"]
[[fields]]
name = "year"
role = "number"
type = "integer"
unit = "year"
aliases = ["年份", "建于"]
high = ["新"]
low = ["老"]
[[fields]]
name = "features"
role = "category"
separator = ";"
"#,
);

struct Homes {
    _folder: tempfile::TempDir,
    snapshot: Snapshot,
    language: Language,
}

fn homes(language: Language, (items, map): (&str, &str)) -> Homes {
    let folder = tempfile::tempdir().unwrap();
    segue_world::fs::write_atomic(&folder.path().join("items.csv"), items.as_bytes()).unwrap();
    let dataset = Dataset::parse(map, &folder.path().join("homes.toml")).unwrap();
    let workspace = Workspace::at(folder.path().join("workspace"));
    import(&workspace, &dataset, &RealWorld::new(), &mut |_| {}, &|| false).unwrap();
    write_lookups(&workspace, 1, &|| false).unwrap();
    let snapshot = Snapshot::of(&workspace, 1).unwrap();
    Homes { _folder: folder, snapshot, language }
}

impl Homes {
    fn read(&self, request: &str, before: &Constraints, shown: &[ShownItem], turn: u32) -> Reading {
        let situation = Situation {
            snapshot: &self.snapshot,
            before,
            shown,
            turn,
            today: Some("2024-06-15"),
            language: self.language,
        };
        rules::read(request, &situation).unwrap()
    }

    fn check(&self, request: &str, expected: &Expect) {
        assert_eq!(Language::of(request, None), self.language, "{request}");
        let reading = self.read(request, &Constraints::default(), &[], 1);
        let mut lines: Vec<String> = Vec::new();
        for u in &reading.understood {
            lines.push(format!("{} | {}{}", u.text, if u.hard { "must: " } else { "" }, u.meaning));
        }
        for words in &reading.not_understood {
            lines.push(format!("{words} | not understood"));
        }
        for title in &reading.absent {
            lines.push(format!("{title} | absent"));
        }
        if let Some(count) = reading.constraints.count {
            lines.push(format!("{count} of them"));
        }
        expected.assert_eq(&lines.join("\n"));
    }
}

#[test]
fn dutch() {
    let homes = homes(Language::Dutch, DUTCH);
    let check = |request: &str, expected: Expect| homes.check(request, &expected);
    check(
        "een huis in Amsterdam met een tuin, hooguit negen ton",
        expect![[r#"
        huis | must: soort = huis
        in Amsterdam | must: stad = Amsterdam
        met een tuin | must: kenmerken = tuin
        hooguit negen ton | must: prijs ≤ 900000"#]],
    );
    check(
        "Ik zoek een goedkoop appartement, minstens 60 m², met lift",
        expect![[r#"
        goedkoop | prijs ≤ 385000 (het laagste kwart heeft de voorkeur)
        appartement | must: soort = appartement
        minstens 60 m² | must: oppervlakte ≥ 60
        met lift | must: kenmerken = lift"#]],
    );
    check(
        "huizen die na 1970 gebouwd zijn en niet duurder zijn dan 400.000 euro",
        expect![[r#"
            huizen | must: soort = huis
            na 1970 | must: bouwjaar > 1970
            gebouwd zijn en niet duurder zijn dan 400.000 euro | must: prijs ≤ 400000"#]],
    );
    check(
        "woningen uit de jaren tachtig of negentig",
        expect![[r#"
        uit de jaren tachtig | must: bouwjaar between 1980 and 1989
        negentig | not understood"#]],
    );
    check(
        "alles in Den Haag of Rotterdam, studio's hoef ik niet",
        expect![[r#"
        in Den Haag of Rotterdam | must: stad = Den Haag or stad = Rotterdam
        studio's | must: not soort = studio"#]],
    );
    check(
        "de drie goedkoopste woningen met minimaal drie kamers",
        expect![[r#"
        goedkoopste | gesorteerd op prijs, laagste eerst
        minimaal drie kamers | must: kamers ≥ 3
        3 of them"#]],
    );
    check(
        "een huis tussen de 300.000 en 800.000 euro, gesorteerd op prijs",
        expect![[r#"
        huis | must: soort = huis
        tussen de 300.000 en 800.000 euro | must: prijs between 300000 and 800000
        gesorteerd op prijs | gesorteerd op prijs, hoogste eerst"#]],
    );
    check(
        "geen studio, liefst met balkon",
        expect![[r#"
        studio | must: not soort = studio
        met balkon | kenmerken = balkon"#]],
    );
    check("hoeveel woningen zijn er met één kamer?", expect!["één kamer | must: kamers = 1"]);
    check(
        "iets ruimers dan 100 m2 maar niet in Utrecht",
        expect![[r#"
        ruimers dan 100 m2 | must: oppervlakte > 100
        niet in Utrecht | must: not stad = Utrecht"#]],
    );
    check(
        "goedkoopste eerst, zonder lift",
        expect![[r#"
        goedkoopste | gesorteerd op prijs, laagste eerst
        lift | must: not kenmerken = lift"#]],
    );
    check(
        "huisen in amsterdam onder de 9 ton",
        expect![[r#"
        huisen | must: soort = huis
        in amsterdam | must: stad = Amsterdam
        onder de 9 ton | must: prijs < 900000"#]],
    );
}

#[test]
fn portuguese() {
    let homes = homes(Language::Portuguese, PORTUGUESE);
    let check = |request: &str, expected: Expect| homes.check(request, &expected);
    check(
        "uma casa em Lisboa com jardim, até novecentos mil euros",
        expect![[r#"
        casa | must: tipo = casa
        em Lisboa | must: cidade = Lisboa
        com jardim | must: extras = jardim
        até novecentos mil euros | must: preco ≤ 900000"#]],
    );
    check(
        "procuro apartamentos baratos com pelo menos 60 m² e elevador",
        expect![[r#"
        apartamentos | must: tipo = apartamento
        baratos | preco ≤ 385000 (de preferência o quarto mais baixo)
        pelo menos 60 m² | must: area ≥ 60
        elevador | must: extras = elevador"#]],
    );
    check(
        "casas construídas depois de 1970 que não custem mais de 400.000 euros",
        expect![[r#"
        casas | must: tipo = casa
        construídas depois de 1970 | must: ano > 1970
        mais de 400.000 euros | must: preco ≤ 400000"#]],
    );
    check("imóveis dos anos 80 ou 90", expect!["dos anos 80 ou 90 | must: ano between 1980 and 1999"]);
    check(
        "qualquer coisa em Nova Friburgo ou no Porto, menos estúdios",
        expect![[r#"
            em Nova Friburgo ou no Porto | must: cidade = Nova Friburgo or cidade = Porto
            estúdios | must: not tipo = estúdio"#]],
    );
    check(
        "os três imóveis mais baratos com no mínimo três quartos",
        expect![[r#"
        mais baratos | ordenado por preco
        no mínimo três quartos | must: quartos ≥ 3
        3 of them"#]],
    );
    check(
        "casa entre 300 mil e 800 mil euros ordenada por preço",
        expect![[r#"
        casa | must: tipo = casa
        entre 300 mil e 800 mil euros | must: preco between 300000 and 800000
        ordenada por preço | ordenado por preco, do maior para o menor"#]],
    );
    check(
        "nada de estúdio, de preferência com varanda",
        expect![[r#"
        estúdio | must: not tipo = estúdio
        com varanda | extras = varanda"#]],
    );
    check("quantos imóveis têm um quarto só?", expect!["um quarto | must: quartos = 1"]);
    check(
        "algo maior que 100 m2, mas que não fique em Lisboa",
        expect![[r#"
        maior que 100 m2 | must: area > 100
        que não fique em Lisboa | must: not cidade = Lisboa"#]],
    );
    check(
        "mais baratos primeiro, sem elevador",
        expect![[r#"
        mais baratos primeiro | ordenado por preco, do menor para o maior
        elevador | must: not extras = elevador"#]],
    );
    check(
        "imovel do ano de mil novecentos e noventa e cinco",
        expect!["do ano de mil novecentos e noventa e cinco | must: ano = 1995"],
    );
}

#[test]
fn chinese() {
    let homes = homes(Language::Chinese, CHINESE);
    let check = |request: &str, expected: Expect| homes.check(request, &expected);
    check(
        "上海带花园的别墅，九十万以下",
        expect![[r#"
        上海 | must: city = 上海
        带花园 | must: features = 花园
        别墅 | must: kind = 别墅
        九十万以下 | must: price ≤ 900000"#]],
    );
    check(
        "我想找便宜的公寓，面积至少60平方米，要有电梯",
        expect![[r#"
        便宜 | price ≤ 385000（优先最低的四分之一）
        公寓 | must: kind = 公寓
        面积至少60平方米 | must: area ≥ 60
        有电梯 | must: features = 电梯"#]],
    );
    check(
        "1970年以后建的别墅，价格不超过40万元",
        expect![[r#"
            1970年以后 | must: year ≥ 1970
            别墅 | must: kind = 别墅
            价格不超过40万元 | must: price ≤ 400000"#]],
    );
    check("八十年代或者九十年代的房子", expect!["八十年代或者九十年代 | must: year between 1980 and 1999"]);
    check(
        "三亚或杭州都可以，单间不要",
        expect![[r#"
        三亚或杭州 | must: city = 三亚 or city = 杭州
        单间 | must: not kind = 单间"#]],
    );
    check(
        "最便宜的三套房子，至少三个卧室",
        expect![[r#"
        最便宜 | 按 price 从低到高排列
        至少三个卧室 | must: bedrooms ≥ 3
        3 of them"#]],
    );
    check(
        "价格在30万到80万之间的别墅，按价格从低到高排序",
        expect![[r#"
            价格在30万到80万 | must: price between 300000 and 800000
            别墅 | must: kind = 别墅
            按价格从低到高 | 按 price 从低到高排列"#]],
    );
    check(
        "不要单间，最好有阳台",
        expect![[r#"
        单间 | must: not kind = 单间
        有阳台 | features = 阳台"#]],
    );
    check("一个卧室的房子有多少？", expect!["一个卧室 | must: bedrooms = 1"]);
    check(
        "比100平米大的，但是不要在上海",
        expect![[r#"
        比100平米大 | must: area > 100
        在上海 | must: not city = 上海"#]],
    );
    check(
        "没有电梯的两居室",
        expect![[r#"
        电梯 | must: not features = 电梯
        两居室 | must: bedrooms = 2"#]],
    );
    check(
        "一九九〇年代上海的房子",
        expect![[r#"
        一九九〇年代 | must: year between 1990 and 1999
        上海 | must: city = 上海"#]],
    );
}

/// Whatever is said, in whatever script and order: it is read without a failure, and what is quoted is part of the request.
#[test]
fn what_is_quoted_was_said() {
    use proptest::strategy::Strategy;
    use proptest::test_runner::{Config, TestRunner};
    let all = [
        homes(Language::Dutch, DUTCH),
        homes(Language::Portuguese, PORTUGUESE),
        homes(Language::Chinese, CHINESE),
    ];
    const PARTS: &[&str] = &[
        "huis",
        "casas",
        "别墅",
        "niet",
        "não",
        "不要",
        "meer dan",
        "mais de",
        "超过",
        "1.500,50",
        "三百八",
        "anderhalf miljoen",
        "mil e",
        "e",
        "en",
        "和",
        "tussen",
        "entre",
        "在",
        "之间",
        "Amsterdam",
        "Lisboa",
        "上海",
        ",",
        "。",
        "，",
        "“",
        "”",
        "《",
        "jaren",
        "anos",
        "90",
        "年代",
        "1990年",
        "以后",
        "hoef ik niet",
        "studio's",
        "goedkoper",
        "mais barato",
        "最便宜",
        "dan",
        "do que",
        "比",
        "prijs",
        "preço",
        "价格",
        "#2",
        "de tweede",
        "第二个",
        "één",
        "um",
        "一个",
        "kamer",
        "quarto",
        "卧室",
        "€",
        "R$",
        "m²",
        "\u{0301}",
        "ß",
        "İ",
        "{1}",
        "⟨under",
        "🏠",
        "appartementwoningen",
        " ",
        "-",
        "...",
    ];
    let requests = proptest::collection::vec(proptest::sample::select(PARTS), 0..12).prop_flat_map(|parts| {
        proptest::bool::ANY.prop_map(move |blanks| parts.join(if blanks { " " } else { "" }))
    });
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 300, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner
        .run(&requests, |request| {
            for homes in &all {
                let reading = homes.read(&request, &Constraints::default(), &[], 1);
                let quoted = reading.understood.iter().map(|u| &u.text).chain(&reading.not_understood);
                for words in quoted {
                    proptest::prop_assert!(request.contains(words.as_str()), "{words:?} in {request:?}");
                }
            }
            Ok(())
        })
        .unwrap();
}

/// A long request of nothing but characters is cut in time that grows with its length and no faster.
#[test]
fn long_texts_are_cut_in_time() {
    let homes = homes(Language::Chinese, CHINESE);
    let request = "不知道什么是江湖".repeat(2000);
    let reading = homes.read(&request, &Constraints::default(), &[], 1);
    assert_eq!(reading.constraints.conditions, []);
}
