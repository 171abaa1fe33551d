//! The sentences of answers in each language. The English template is the key; a sentence that a language lacks is told in
//! English. A place in a template is `{name}`.

use super::Language;
use crate::evidence::grouped;

/// A template in this language, with its places filled.
///
/// What is filled in is never read for places again, so that a title with braces stays what it is.
pub(crate) fn fill(language: Language, english: &str, places: &[(&str, &str)]) -> String {
    let said = language.pack().and_then(|p| p.sentences.iter().find(|s| s.0 == english));
    let mut rest = said.map_or(english, |s| s.1);
    let mut out = String::with_capacity(rest.len() + 32);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, next) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(places.iter().find(|p| p.0 == name).map_or("", |p| p.1));
        rest = next;
    }
    out.push_str(rest);
    out
}

/// A count as people write it in this language: 17,472, or 17.472.
pub(crate) fn grouped_in(language: Language, number: u64) -> String {
    let count = grouped(number);
    language.pack().map_or(count.clone(), |p| count.replace(',', p.thousands))
}

/// True if a sentence begins by saying that there is none, in any language.
pub(crate) fn is_none_of(text: &str) -> bool {
    let packs = Language::ALL.iter().filter_map(|l| l.pack());
    packs.map(|p| p.none).chain(["No "]).any(|none| text.contains(none))
}

pub(super) const DUTCH: &[(&str, &str)] = &[
    (
        "Worded from a template, not by `{model}`: {why}.",
        "Verwoord volgens een sjabloon, niet door `{model}`: {why}.",
    ),
    ("There are {count} {nouns}.", "Er zijn {count} {nouns}."),
    (
        "It is not clear which {noun} is meant; name its title or its number.",
        "Het is niet duidelijk welke {noun} bedoeld is; noem de titel of het nummer.",
    ),
    ("What the catalogue knows of {titles}:", "Wat de catalogus weet van {titles}:"),
    (
        "“{title}” is not in the catalogue; nothing was put in its place.",
        "“{title}” staat niet in de catalogus; er is niets voor in de plaats gezet.",
    ),
    ("Not understood: {words}.", "Niet begrepen: {words}."),
    ("{what}: this is the best so far.", "{what}: dit is het beste tot nu toe."),
    ("{what} before anything was found.", "{what} voordat er iets gevonden was."),
    ("The budget of this turn is used up", "Het budget van deze beurt is op"),
    ("The turn was stopped", "De beurt is gestopt"),
    ("A step that the rest needed failed", "Een stap die de rest nodig had is mislukt"),
    (
        "Planned by `rules`, without a language model: {why}.",
        "Gepland door `rules`, zonder taalmodel: {why}.",
    ),
    (
        "Planned by `{planner}` with the language model `{model}`.",
        "Gepland door `{planner}` met het taalmodel `{model}`.",
    ),
    ("Planned by `{planner}`, without a language model.", "Gepland door `{planner}`, zonder taalmodel."),
    ("{some} of {all} {nouns} satisfy {what}.", "{some} van {all} {nouns} voldoen aan {what}."),
    ("{some} of {all} {nouns} satisfies {what}.", "{some} van {all} {nouns} voldoet aan {what}."),
    ("Ranked by {by}.", "Gerangschikt op {by}."),
    ("Ranked by {by} together.", "Gerangschikt op {by} samen."),
    ("the words “{query}”", "de woorden “{query}”"),
    ("the meaning of “{query}”", "de betekenis van “{query}”"),
    ("likeness", "gelijkenis"),
    ("likeness ({words})", "gelijkenis ({words})"),
    ("what this user likes", "wat deze gebruiker mooi vindt"),
    ("Ordered by `{field}`, lowest first.", "Gesorteerd op `{field}`, laagste eerst."),
    ("Ordered by `{field}`, highest first.", "Gesorteerd op `{field}`, hoogste eerst."),
    (
        "Nothing fits {wish} as well, which was a wish: `{instead}` took its place.",
        "Niets past ook bij {wish}, dat een wens was: `{instead}` kwam ervoor in de plaats.",
    ),
    (
        "Nothing fits {wish} as well, which was a wish: it was left out.",
        "Niets past ook bij {wish}, dat een wens was: die is weggelaten.",
    ),
    ("`{tool}` gave nothing: {why}.", "`{tool}` leverde niets op: {why}."),
    ("{first} and {last}", "{first} en {last}"),
    ("{first} or {last}", "{first} of {last}"),
    ("what was asked", "wat gevraagd werd"),
    ("No {noun} was found for {what}.", "Geen {noun} gevonden voor {what}."),
    ("No {noun} satisfies {what}.", "Geen {noun} voldoet aan {what}."),
    ("By itself already, {one} leaves none.", "Alleen {one} al laat er geen over."),
    ("No {noun} has {several} at once.", "Geen {noun} heeft {several} tegelijk."),
    ("What would help: {ways}.", "Wat zou helpen: {ways}."),
    ("Each alone: {each}.", "Elk afzonderlijk: {each}."),
    ("`{instead}` in place of {condition} ({count})", "`{instead}` in plaats van {condition} ({count})"),
    ("without {condition} ({count})", "zonder {condition} ({count})"),
    ("What was asked so far is forgotten.", "Wat tot nu toe gevraagd is, is vergeten."),
    (
        "That item was not recommended in this conversation, so there is nothing to explain.",
        "Dat is in dit gesprek niet aanbevolen, dus er valt niets uit te leggen.",
    ),
    (
        "That item is not in the catalogue any more, so there is nothing to explain.",
        "Dat staat niet meer in de catalogus, dus er valt niets uit te leggen.",
    ),
    (
        "{title} was {reference} in turn {turn}, for “{request}”.",
        "{title} was {reference} in beurt {turn}, voor “{request}”.",
    ),
    ("What its row shows: {facts}.", "Wat de gegevens laten zien: {facts}."),
    ("{claim} (its {field} is {value})", "{claim} (de waarde van {field} is {value})"),
    ("Where the searches put it: {places}.", "Waar de zoekopdrachten het zetten: {places}."),
    ("no. {rank} by `{tool}` (score {score})", "nr. {rank} volgens `{tool}` (score {score})"),
    ("no. {rank} for the words “{query}”", "nr. {rank} voor de woorden “{query}”"),
    ("no. {rank} for the meaning of “{query}”", "nr. {rank} voor de betekenis van “{query}”"),
    ("no. {rank} in likeness", "nr. {rank} in gelijkenis"),
    ("no. {rank} for this user", "nr. {rank} voor deze gebruiker"),
    (
        "Several {nouns} are called “{title}”: which one is meant, {choices}? The first is assumed until you say.",
        "Meerdere {nouns} heten “{title}”: welke is bedoeld, {choices}? Tot je het zegt wordt de eerste aangenomen.",
    ),
    ("the {field} ({count} {nouns})", "{field} ({count} {nouns})"),
    (
        "Is “{value}” {choices}? The first is assumed until you say.",
        "Is “{value}” {choices}? Tot je het zegt wordt de eerste aangenomen.",
    ),
    (
        "Which one is “{words}”: {choices}? The first is assumed until you say.",
        "Welke is “{words}”: {choices}? Tot je het zegt wordt de eerste aangenomen.",
    ),
    (
        "No {noun} has been shown yet: which one is “{words}”? Name its title.",
        "Er is nog geen {noun} getoond: welke is “{words}”? Noem de titel.",
    ),
    (
        "Only one {noun} is shown: which one is “{words}”?",
        "Er is maar één {noun} getoond: welke is “{words}”?",
    ),
    (
        "Only {count} {nouns} are shown, #1 to #{count}: which one is “{words}”?",
        "Er zijn maar {count} {nouns} getoond, #1 tot en met #{count}: welke is “{words}”?",
    ),
    ("what was asked before no longer holds", "wat eerder gevraagd is geldt niet meer"),
    ("no condition on {field} any more", "geen voorwaarde meer aan {field}"),
    ("no longer asked for", "niet meer gevraagd"),
    ("{predicate} (the highest quarter is preferred)", "{predicate} (het hoogste kwart heeft de voorkeur)"),
    ("{predicate} (the lowest quarter is preferred)", "{predicate} (het laagste kwart heeft de voorkeur)"),
    ("{predicate}, compared with what is shown", "{predicate}, vergeleken met wat getoond is"),
    ("ordered by {field}", "gesorteerd op {field}"),
    ("ordered by {field}, lowest first", "gesorteerd op {field}, laagste eerst"),
    ("ordered by {field}, highest first", "gesorteerd op {field}, hoogste eerst"),
    ("like {title}", "zoals {title}"),
    ("without {title}", "zonder {title}"),
    ("others than those shown", "andere dan de getoonde"),
];

pub(super) const PORTUGUESE: &[(&str, &str)] = &[
    (
        "Worded from a template, not by `{model}`: {why}.",
        "Redigido a partir de um modelo de texto, não por `{model}`: {why}.",
    ),
    ("There are {count} {nouns}.", "Há {count} {nouns}."),
    (
        "It is not clear which {noun} is meant; name its title or its number.",
        "Não está claro de que {noun} se trata; diga o título ou o número.",
    ),
    ("What the catalogue knows of {titles}:", "O que o catálogo sabe de {titles}:"),
    (
        "“{title}” is not in the catalogue; nothing was put in its place.",
        "“{title}” não está no catálogo; nada foi posto no lugar.",
    ),
    ("Not understood: {words}.", "Não entendido: {words}."),
    ("{what}: this is the best so far.", "{what}: isto é o melhor até agora."),
    ("{what} before anything was found.", "{what} antes que algo fosse encontrado."),
    ("The budget of this turn is used up", "O orçamento desta vez esgotou-se"),
    ("The turn was stopped", "O pedido foi interrompido"),
    ("A step that the rest needed failed", "Falhou um passo de que o resto dependia"),
    (
        "Planned by `rules`, without a language model: {why}.",
        "Planejado por `rules`, sem modelo de linguagem: {why}.",
    ),
    (
        "Planned by `{planner}` with the language model `{model}`.",
        "Planejado por `{planner}` com o modelo de linguagem `{model}`.",
    ),
    (
        "Planned by `{planner}`, without a language model.",
        "Planejado por `{planner}`, sem modelo de linguagem.",
    ),
    ("{some} of {all} {nouns} satisfy {what}.", "{some} de {all} {nouns} satisfazem {what}."),
    ("{some} of {all} {nouns} satisfies {what}.", "{some} de {all} {nouns} satisfaz {what}."),
    ("Ranked by {by}.", "Classificado por {by}."),
    ("Ranked by {by} together.", "Classificado por {by} em conjunto."),
    ("the words “{query}”", "as palavras “{query}”"),
    ("the meaning of “{query}”", "o sentido de “{query}”"),
    ("likeness", "semelhança"),
    ("likeness ({words})", "semelhança ({words})"),
    ("what this user likes", "o gosto deste usuário"),
    ("Ordered by `{field}`, lowest first.", "Ordenado por `{field}`, do menor para o maior."),
    ("Ordered by `{field}`, highest first.", "Ordenado por `{field}`, do maior para o menor."),
    (
        "Nothing fits {wish} as well, which was a wish: `{instead}` took its place.",
        "Nada atende também a {wish}, que era um desejo: `{instead}` ficou no lugar.",
    ),
    (
        "Nothing fits {wish} as well, which was a wish: it was left out.",
        "Nada atende também a {wish}, que era um desejo: foi deixado de lado.",
    ),
    ("`{tool}` gave nothing: {why}.", "`{tool}` não deu nada: {why}."),
    ("{first} and {last}", "{first} e {last}"),
    ("{first} or {last}", "{first} ou {last}"),
    ("what was asked", "o que foi pedido"),
    ("No {noun} was found for {what}.", "Nenhum resultado ({noun}) foi encontrado para {what}."),
    ("No {noun} satisfies {what}.", "Nenhum resultado ({noun}) satisfaz {what}."),
    ("By itself already, {one} leaves none.", "{one} por si só já não deixa nenhum."),
    ("No {noun} has {several} at once.", "Nenhum resultado ({noun}) tem {several} ao mesmo tempo."),
    ("What would help: {ways}.", "O que ajudaria: {ways}."),
    ("Each alone: {each}.", "Cada um por si: {each}."),
    ("`{instead}` in place of {condition} ({count})", "`{instead}` em vez de {condition} ({count})"),
    ("without {condition} ({count})", "sem {condition} ({count})"),
    ("What was asked so far is forgotten.", "O que foi pedido até agora foi esquecido."),
    (
        "That item was not recommended in this conversation, so there is nothing to explain.",
        "Isso não foi recomendado nesta conversa, portanto não há o que explicar.",
    ),
    (
        "That item is not in the catalogue any more, so there is nothing to explain.",
        "Isso já não está no catálogo, portanto não há o que explicar.",
    ),
    (
        "{title} was {reference} in turn {turn}, for “{request}”.",
        "{title} foi {reference} na vez {turn}, para “{request}”.",
    ),
    ("What its row shows: {facts}.", "O que os dados mostram: {facts}."),
    ("{claim} (its {field} is {value})", "{claim} ({field} é {value})"),
    ("Where the searches put it: {places}.", "Onde as buscas o puseram: {places}."),
    ("no. {rank} by `{tool}` (score {score})", "n.º {rank} por `{tool}` (pontuação {score})"),
    ("no. {rank} for the words “{query}”", "n.º {rank} pelas palavras “{query}”"),
    ("no. {rank} for the meaning of “{query}”", "n.º {rank} pelo sentido de “{query}”"),
    ("no. {rank} in likeness", "n.º {rank} em semelhança"),
    ("no. {rank} for this user", "n.º {rank} para este usuário"),
    (
        "Several {nouns} are called “{title}”: which one is meant, {choices}? The first is assumed until you say.",
        "Há mais de um resultado ({nouns}) com o nome “{title}”: qual deles, {choices}? Até que diga, vale o primeiro.",
    ),
    ("the {field} ({count} {nouns})", "{field} ({count} {nouns})"),
    (
        "Is “{value}” {choices}? The first is assumed until you say.",
        "“{value}” é {choices}? Até que diga, vale o primeiro.",
    ),
    (
        "Which one is “{words}”: {choices}? The first is assumed until you say.",
        "Qual é “{words}”: {choices}? Até que diga, vale o primeiro.",
    ),
    (
        "No {noun} has been shown yet: which one is “{words}”? Name its title.",
        "Ainda não foi mostrado nenhum resultado ({noun}): qual é “{words}”? Diga o título.",
    ),
    ("Only one {noun} is shown: which one is “{words}”?", "Só há um resultado ({noun}): qual é “{words}”?"),
    (
        "Only {count} {nouns} are shown, #1 to #{count}: which one is “{words}”?",
        "Só há {count} resultados ({nouns}), de #1 a #{count}: qual é “{words}”?",
    ),
    ("what was asked before no longer holds", "o que foi pedido antes já não vale"),
    ("no condition on {field} any more", "sem condição para {field}"),
    ("no longer asked for", "já não é pedido"),
    ("{predicate} (the highest quarter is preferred)", "{predicate} (de preferência o quarto mais alto)"),
    ("{predicate} (the lowest quarter is preferred)", "{predicate} (de preferência o quarto mais baixo)"),
    ("{predicate}, compared with what is shown", "{predicate}, em comparação com o que foi mostrado"),
    ("ordered by {field}", "ordenado por {field}"),
    ("ordered by {field}, lowest first", "ordenado por {field}, do menor para o maior"),
    ("ordered by {field}, highest first", "ordenado por {field}, do maior para o menor"),
    ("like {title}", "como {title}"),
    ("without {title}", "sem {title}"),
    ("others than those shown", "outros além dos mostrados"),
];

pub(super) const CHINESE: &[(&str, &str)] = &[
    ("Worded from a template, not by `{model}`: {why}.", "由模板而非 `{model}` 写成：{why}。"),
    ("There are {count} {nouns}.", "共有 {count} 个{nouns}。"),
    (
        "It is not clear which {noun} is meant; name its title or its number.",
        "不清楚指的是哪个{noun}；请说出名称或编号。",
    ),
    ("What the catalogue knows of {titles}:", "目录中关于 {titles} 的内容："),
    (
        "“{title}” is not in the catalogue; nothing was put in its place.",
        "目录中没有“{title}”；没有用别的代替。",
    ),
    ("Not understood: {words}.", "未理解：{words}。"),
    ("{what}: this is the best so far.", "{what}：这是目前最好的结果。"),
    ("{what} before anything was found.", "{what}，还没有找到任何结果。"),
    ("The budget of this turn is used up", "本轮预算已用完"),
    ("The turn was stopped", "本轮已停止"),
    ("A step that the rest needed failed", "后续所需的一步失败了"),
    ("Planned by `rules`, without a language model: {why}.", "由 `rules` 规划，未使用语言模型：{why}。"),
    (
        "Planned by `{planner}` with the language model `{model}`.",
        "由 `{planner}` 规划，使用语言模型 `{model}`。",
    ),
    ("Planned by `{planner}`, without a language model.", "由 `{planner}` 规划，未使用语言模型。"),
    ("{some} of {all} {nouns} satisfy {what}.", "{all} 个{nouns}中有 {some} 个满足 {what}。"),
    ("{some} of {all} {nouns} satisfies {what}.", "{all} 个{nouns}中有 {some} 个满足 {what}。"),
    ("Ranked by {by}.", "按{by}排序。"),
    ("Ranked by {by} together.", "综合按{by}排序。"),
    ("the words “{query}”", "词语“{query}”"),
    ("the meaning of “{query}”", "“{query}”的意思"),
    ("likeness", "相似程度"),
    ("likeness ({words})", "相似程度（{words}）"),
    ("what this user likes", "该用户的喜好"),
    ("Ordered by `{field}`, lowest first.", "按 `{field}` 从低到高排列。"),
    ("Ordered by `{field}`, highest first.", "按 `{field}` 从高到低排列。"),
    (
        "Nothing fits {wish} as well, which was a wish: `{instead}` took its place.",
        "没有结果同时符合 {wish}（这只是愿望）：改用 `{instead}`。",
    ),
    (
        "Nothing fits {wish} as well, which was a wish: it was left out.",
        "没有结果同时符合 {wish}（这只是愿望）：已略去。",
    ),
    ("`{tool}` gave nothing: {why}.", "`{tool}` 没有给出结果：{why}。"),
    ("{first} and {last}", "{first} 和 {last}"),
    ("{first} or {last}", "{first} 还是 {last}"),
    ("what was asked", "所提的要求"),
    ("No {noun} was found for {what}.", "没有找到符合 {what} 的{noun}。"),
    ("No {noun} satisfies {what}.", "没有{noun}满足 {what}。"),
    ("By itself already, {one} leaves none.", "仅 {one} 一项就已没有结果。"),
    ("No {noun} has {several} at once.", "没有{noun}同时满足 {several}。"),
    ("What would help: {ways}.", "可以放宽：{ways}。"),
    ("Each alone: {each}.", "单独来看：{each}。"),
    ("`{instead}` in place of {condition} ({count})", "用 `{instead}` 代替 {condition}（{count}）"),
    ("without {condition} ({count})", "去掉 {condition}（{count}）"),
    ("What was asked so far is forgotten.", "之前的要求已清除。"),
    (
        "That item was not recommended in this conversation, so there is nothing to explain.",
        "本次对话没有推荐过它，所以没有可解释的。",
    ),
    (
        "That item is not in the catalogue any more, so there is nothing to explain.",
        "它已不在目录中，所以没有可解释的。",
    ),
    (
        "{title} was {reference} in turn {turn}, for “{request}”.",
        "{title} 是第 {turn} 轮“{request}”的 {reference}。",
    ),
    ("What its row shows: {facts}.", "数据显示：{facts}。"),
    ("{claim} (its {field} is {value})", "{claim}（{field} 为 {value}）"),
    ("Where the searches put it: {places}.", "各项搜索给它的位置：{places}。"),
    ("no. {rank} by `{tool}` (score {score})", "`{tool}` 第 {rank} 名（得分 {score}）"),
    ("no. {rank} for the words “{query}”", "词语“{query}”第 {rank} 名"),
    ("no. {rank} for the meaning of “{query}”", "意思“{query}”第 {rank} 名"),
    ("no. {rank} in likeness", "相似程度第 {rank} 名"),
    ("no. {rank} for this user", "该用户第 {rank} 名"),
    (
        "Several {nouns} are called “{title}”: which one is meant, {choices}? The first is assumed until you say.",
        "有多个{nouns}叫“{title}”：指的是哪一个，{choices}？在您说明之前按第一个处理。",
    ),
    ("the {field} ({count} {nouns})", "{field}（{count} 个{nouns}）"),
    (
        "Is “{value}” {choices}? The first is assumed until you say.",
        "“{value}”是{choices}？在您说明之前按第一个处理。",
    ),
    (
        "Which one is “{words}”: {choices}? The first is assumed until you say.",
        "“{words}”是哪一个：{choices}？在您说明之前按第一个处理。",
    ),
    (
        "No {noun} has been shown yet: which one is “{words}”? Name its title.",
        "还没有显示过{noun}：“{words}”是哪一个？请说出名称。",
    ),
    ("Only one {noun} is shown: which one is “{words}”?", "只显示了一个{noun}：“{words}”是哪一个？"),
    (
        "Only {count} {nouns} are shown, #1 to #{count}: which one is “{words}”?",
        "只显示了 {count} 个{nouns}，从 #1 到 #{count}：“{words}”是哪一个？",
    ),
    ("what was asked before no longer holds", "之前的要求不再有效"),
    ("no condition on {field} any more", "不再限制 {field}"),
    ("no longer asked for", "不再要求"),
    ("{predicate} (the highest quarter is preferred)", "{predicate}（优先最高的四分之一）"),
    ("{predicate} (the lowest quarter is preferred)", "{predicate}（优先最低的四分之一）"),
    ("{predicate}, compared with what is shown", "{predicate}，与已显示的相比"),
    ("ordered by {field}", "按 {field} 排列"),
    ("ordered by {field}, lowest first", "按 {field} 从低到高排列"),
    ("ordered by {field}, highest first", "按 {field} 从高到低排列"),
    ("like {title}", "类似 {title}"),
    ("without {title}", "不要 {title}"),
    ("others than those shown", "与已显示的不同的"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_read_again() {
        let told = fill(Language::Dutch, "Not understood: {words}.", &[("words", "“{titles} {”")]);
        assert_eq!(told, "Niet begrepen: “{titles} {”.");
        assert_eq!(
            fill(Language::English, "Not understood: {words}.", &[("words", "“x”")]),
            "Not understood: “x”."
        );
        assert_eq!(fill(Language::Dutch, "No such {thing}.", &[("thing", "thing")]), "No such thing.");
    }

    #[test]
    fn every_language_says_what_the_others_say_with_the_same_places() {
        let places = |template: &str| {
            let mut names: Vec<String> =
                template.split('{').skip(1).filter_map(|p| Some(p.split_once('}')?.0.to_owned())).collect();
            names.sort();
            names.dedup();
            names
        };
        let keys: Vec<&str> = DUTCH.iter().map(|s| s.0).collect();
        for table in [DUTCH, PORTUGUESE, CHINESE] {
            assert_eq!(table.iter().map(|s| s.0).collect::<Vec<_>>(), keys);
            for (english, said) in table {
                assert_eq!(places(english), places(said), "{said}");
            }
        }
    }

    #[test]
    fn counts_are_written_as_people_write_them() {
        assert_eq!(Language::ALL.map(|l| grouped_in(l, 17_472)), ["17,472", "17.472", "17.472", "17,472"]);
    }
}
