"""Measures the calls of a run of the suite `bfcl` with bfcl-eval's own `ast_checker`, and says where Segue's `ast_match` differs.

    python3 -m pip download --no-deps bfcl-eval==2026.3.23    # elsewhere than here; then unpack the wheel
    python3 evals/peers/bfcl.py UNPACKED WORKSPACE/outputs/evals/bfcl/FINGERPRINT/cases.jsonl

The checker's module is loaded alone: its package wants the clients of every provider. Exit code 1 if the two differ anywhere.
"""

import enum
import importlib.util
import json
import pathlib
import sys
import types


def checker(package: pathlib.Path):
    """`ast_checker.py`, with stand-ins for what it imports and does not use on functions of Python."""
    language = enum.Enum("Language", "PYTHON JAVA JAVASCRIPT")
    model = types.SimpleNamespace(underscore_to_dot=False)
    stand_ins = {
        "bfcl_eval.constants.enums": {"Language": language},
        "bfcl_eval.constants.model_config": {"MODEL_CONFIG_MAPPING": {"peer": model}},
        "bfcl_eval.constants.type_mappings": {"JAVA_TYPE_CONVERSION": {}, "JS_TYPE_CONVERSION": {}},
        "bfcl_eval.eval_checker.ast_eval.type_convertor.java_type_converter": {"java_type_converter": None},
        "bfcl_eval.eval_checker.ast_eval.type_convertor.js_type_converter": {"js_type_converter": None},
    }
    for name, members in stand_ins.items():
        parts = name.split(".")
        for depth in range(1, len(parts)):
            sys.modules.setdefault(".".join(parts[:depth]), types.ModuleType(parts[depth - 1]))
        module = types.ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module
    path = package / "eval_checker/ast_eval/ast_checker.py"
    spec = importlib.util.spec_from_file_location("ast_checker", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, language


def main(unpacked: str, results: str) -> int:
    package = pathlib.Path(unpacked) / "bfcl_eval"
    module, language = checker(package)
    cases, answers = {}, {}
    for category in ("simple_python", "parallel"):
        name = f"BFCL_v4_{category}.json"
        for line in (package / "data" / name).read_text().splitlines():
            case = json.loads(line)
            cases[case["id"]] = (category, case["function"])
        for line in (package / "data/possible_answer" / name).read_text().splitlines():
            answer = json.loads(line)
            answers[answer["id"]] = answer["ground_truth"]
    compared, right, different = {}, {}, []
    for line in pathlib.Path(results).read_text().splitlines():
        result = json.loads(line)
        if result["error"]:
            continue
        category, functions = cases[result["case"]]
        calls = [{call["tool"]: call["args"] for call in [call]} for call in result["detail"]["calls"]]
        try:
            theirs = module.ast_checker(
                functions, calls, answers[result["case"]], language.PYTHON, category, "peer"
            )["valid"]
        except (TypeError, KeyError, AttributeError) as error:
            print(f"{result['case']}: the checker fails, which is a miss: {error!r}")
            theirs = False
        ours = result["metrics"]["ast_match"]["value"] == 1.0
        key = (result["variant"], category)
        compared[key] = compared.get(key, 0) + 1
        right[key] = right.get(key, 0) + theirs
        if ours != theirs:
            different.append(f"{result['variant']} {result['case']}: ours {ours}, theirs {theirs}")
    for key in sorted(compared):
        print(f"{key[0]:10} {key[1]:14} {right[key]:4} of {compared[key]:4} by the checker")
    print("\n".join(different) or f"no difference in {sum(compared.values())} case runs")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
