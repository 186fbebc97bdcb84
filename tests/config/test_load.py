"""A config and its tables are read whole, and every problem is named at once."""

from pathlib import Path

import pytest

from alveus.config import load_study
from alveus.config.load import CONFIG_FILE
from alveus.errors import SettingError

CONFIG = """
datasets:
  d:
    sessions: sessions.tsv
models:
  pca: {method: pca, latents: 3}
"""
VAE = CONFIG.replace("pca: {method: pca", "v: {method: vae") + "training: {max_steps: 500}\n"
WARM_UP = "{kind: warm_up, steps: 500}"
TABLE = "session\tformat\tpath\na\tnpz\ta.npz\n"


@pytest.fixture
def study(tmp_path: Path):
    def write(config: str = CONFIG, table: str | bytes = TABLE) -> Path:
        (tmp_path / CONFIG_FILE).write_text(config)
        data = table if isinstance(table, bytes) else table.encode()
        (tmp_path / "sessions.tsv").write_bytes(data)
        return tmp_path

    return write


def problems(folder: Path) -> str:
    with pytest.raises(SettingError) as caught:
        load_study(folder)
    return str(caught.value)


def test_a_small_study_has_everything_in_place(study):
    loaded = load_study(study())
    dataset = loaded.datasets["d"]
    assert list(dataset.sessions) == ["a"]
    assert dataset.sessions["a"].path == "a.npz"
    assert dataset.sessions["a"].preprocess.bin_size == 0.02
    assert list(dataset.models) == ["pca"]
    assert dataset.seeds == 5


def test_settings_are_laid_over_each_other_from_study_to_dataset_to_row(study):
    config = """
preprocess: {bin_size: 0.05, split: {gap: 2}}
datasets:
  d:
    sessions: sessions.tsv
    preprocess: {split: {seed: 3}, min_rate: 0.5}
"""
    table = "session\tformat\tpath\tbin_size\tsplit.seed\na\tnpz\ta.npz\t0.1\t\nb\tnpz\tb.npz\t\t7\n"
    sessions = load_study(study(config, table)).datasets["d"].sessions
    a, b = sessions["a"].preprocess, sessions["b"].preprocess
    assert (a.bin_size, a.min_rate, a.split.gap, a.split.seed) == (0.1, 0.5, 2, 3)
    assert (b.bin_size, b.min_rate, b.split.gap, b.split.seed) == (0.05, 0.5, 2, 7)


def test_paths_are_relative_to_the_table_and_become_relative_to_the_study(study, tmp_path):
    folder = study(CONFIG.replace("sessions.tsv", "tables/s.tsv"))
    (folder / "tables").mkdir()
    (folder / "tables" / "s.tsv").write_text("session\tformat\tpath\tbehavior\na\tphy\t../raw/a\tb.npz\n")
    session = load_study(folder).datasets["d"].sessions["a"]
    assert session.path == "raw/a"
    assert session.behavior == "tables/b.npz"


def test_rows_can_stand_in_the_config(study):
    config = "datasets:\n  d:\n    sessions:\n      - {session: 010, format: npz, path: a.npz, min_rate: 1}\n"
    sessions = load_study(study(config)).datasets["d"].sessions
    assert list(sessions) == ["010"]
    assert sessions["010"].preprocess.min_rate == 1


def test_every_problem_is_named_in_one_go(study):
    config = """
seeds: -1
preprocess: {bin_sise: 0.1, split: {train: 0.9}}
training: {device: gpu}
datasets: {d: {sessions: sessions.tsv, modells: [pca], models: [vea]}}
models: {vae: {method: vae, latent: 3}, x: {method: umap}}
"""
    text = problems(study(config, "session\tformat\tpath\n../x\tnpz\ta.npz\nok\tnpy\tb\n"))
    for words in (
        "seeds", "did you mean 'bin_size'?", "train + validation + test must be 1", "did you mean 'models'?",
        "models.vae.latent: unknown key; did you mean 'latents'?", "'gpu' is not possible: choose",
        "'umap' is not possible: choose",
        "'../x' cannot name a folder", "no model 'vea'; did you mean 'vae'?", "unknown format 'npy'",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("datasets: {d: {sessions: s.tsv}}", "no such session table"),
        ("datasets: {}", "datasets"),
        ("datasets: [1]", "datasets"),
        ("just text", "a mapping of settings is wanted"),
        ("a: b: c", "not valid YAML"),
        ("datasets: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (CONFIG + "seeds: 3\nseeds: 4\n", "the key 'seeds' is given twice"),
        (CONFIG + "seeds: 010\n", "a number has no leading 0"),
        (CONFIG + "preprocess: {bin_size: yes}\n", "bin_size"),
        (CONFIG + "preprocess: {bin_size: true}\n", "a number is wanted here"),
        (CONFIG + "preprocess: {bin_size: -0.1}\n", "greater than 0"),
        (CONFIG + "results: ../elsewhere\n", "must be a folder inside the study"),
        (CONFIG + "preprocess: {behavior: {circular: {x: 360}, categorical: [x]}}\n", "named under both"),
        (CONFIG.replace("d:\n", "D:\n    sessions: sessions.tsv\n  d:\n"), "differ only in case"),
        (CONFIG.replace("sessions.tsv", "sessions.tsv\n    models: [pce]"), "did you mean 'pca'?"),
        (CONFIG.replace("latents: 3", "latents: 0"), "greater than or equal to 1"),
        (
            CONFIG.replace("\n  pca: {method: pca, latents: 3}", " [pca]"),
            "models: input should be a valid dictionary",
        ),
        (VAE.replace("latents: 3", "prior: conditional"), "models.v: prior: a conditional prior needs something"),
        (VAE.replace("latents: 3", "sweep: {beta: 4}"), "models.v.sweep: a list of values is wanted"),
        (
            VAE.replace("latents: 3", "sweep: {betta: [4]}"),
            "models.v-betta4.betta: unknown key; did you mean 'beta'?",
        ),
        (
            VAE.replace("latents: 3", f"beta: {WARM_UP}"),
            "model 'v' warms up for 500 steps, but training.max_steps is",
        ),
        (
            VAE.replace("latents: 3", f"decoder: {{kind: skip, gate: {WARM_UP}}}"),
            "model 'v' moves its gate for 500 steps, but training.max_steps is 500: it would never get there",
        ),
    ],
)
def test_bad_configs_are_refused_with_the_place_and_what_to_do(study, config, words):
    assert words in problems(study(config))


def test_a_warm_up_that_ends_before_training_does_is_let_pass(study):
    config = VAE.replace("latents: 3", f"beta: {WARM_UP}").replace("max_steps: 500", "max_steps: 501")
    assert load_study(study(config)).datasets["d"].models["v"].beta.steps == 500


def test_a_dataset_can_name_a_sweep_or_one_of_its_members(study):
    config = """
datasets: {d: {sessions: sessions.tsv, models: [v]}, e: {sessions: sessions.tsv, models: [v-beta4, pca]}}
models: {v: {method: vae, sweep: {beta: [1, 4]}}, pca: {method: pca, latents: 3}}
"""
    loaded = load_study(study(config))
    assert loaded.sweeps == {"v": {"v-beta1": {"beta": 1}, "v-beta4": {"beta": 4}}}
    assert list(loaded.datasets["d"].models) == ["v-beta1", "v-beta4"]
    assert list(loaded.datasets["e"].models) == ["v-beta4", "pca"]
    assert list(loaded.config.models) == ["v-beta1", "v-beta4", "pca"]
    assert loaded.datasets["d"].models["v-beta4"].beta.value == 4


def test_a_number_with_an_exponent_is_a_number(study):
    loaded = load_study(study(CONFIG + "training: {learning_rate: 1e-3}\n"))
    assert loaded.config.training.learning_rate == 1e-3


def test_settings_of_the_command_line_are_laid_over_the_file(study):
    loaded = load_study(study(), {"seeds": "2", "preprocess": {"bin_size": "0.1"}})
    assert loaded.config.seeds == 2
    assert loaded.datasets["d"].sessions["a"].preprocess.bin_size == 0.1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "the table is empty"),
        ("session\tformat\tpath\n", "there is no session"),
        ("session\tformat\npath\n", "path missing"),
        ("session\tformat\tpath\tpath\na\tnpz\tx\ty\n", "the column 'path' is given twice"),
        ("session\tformat\tpath\na\tnpz\tx\ty\n", "4 cells but the header has 3"),
        ("session\tformat\tpath\tbin_sise\na\tnpz\tx\t1\n", "did you mean 'bin_size'?"),
        ("session\tformat\tpath\tbin_size\na\tnpz\tx\t-1\n", "greater than 0"),
        ("session\tformat\tpath\tsampling_rate\na\tnpz\tx\tfast\n", "sampling_rate 'fast' is not a number"),
        ("session\tformat\tpath\ttau\na\tnpz\tx\tslow\n", "tau 'slow' is not a number"),
        ("session\tformat\tpath\ttau\na\tnpz\tx\t700\n", "tau '700' is not a time constant in seconds"),
        ("session\tformat\tpath\tmodality\na\tnwb\tx\tcalcum\n", "did you mean 'calcium'?"),
        ("session\tformat\tpath\na\tnpz\tx\na\tnpz\ty\n", "session 'a' is listed twice"),
        ("session\tformat\tpath\na\tnpz\tx\nA\tnpz\ty\n", "differ only in case"),
        (b"session\tformat\tpath\n\xff\xfe\tnpz\tx\n", "cannot be read as UTF-8"),
    ],
)
def test_bad_tables_are_refused_with_the_line(study, table, words):
    assert words in problems(study(table=table))


@pytest.mark.parametrize("name", ["../x", "/abs", "a/b", "-rf", ".", "..", "x" * 201,
                                  "$(id)", "a;b", "{a}", "a b", "é",
                                  "scores.csv", "dataset.zarr", "<script>", "a.", "=1+1"])  # fmt: skip
def test_ids_that_cannot_name_a_folder_are_refused(study, name):
    assert "sessions.tsv line 2: session " in problems(study(table=f"session\tformat\tpath\n{name}\tnpz\tx\n"))


def test_a_trailing_newline_is_not_part_of_a_good_id(study):
    assert "cannot name a folder" in problems(
        study(table='session,format,path\n"a\n",npz,x\n'.replace('"a\n"', '"a\nb"'))
    )


def test_tables_from_spreadsheets_are_read_as_they_are(study):
    table = b"\xef\xbb\xbfsession,format,path\r\n010,npz,a.npz\r\n,,\r\nno,npz,b.npz\r\n# later,npz,c.npz\r\n"
    assert list(load_study(study(table=table)).datasets["d"].sessions) == ["010", "no"]
