import numpy as np
import pytest

from alveus.errors import RecordingError
from alveus.io import ReadOptions, read_recording


def read(path, **options):
    return read_recording("phy", path, ReadOptions(**options))


def test_spikes_come_back_unit_by_unit_in_samples(write_phy, spikes, read_back):
    recording = read(write_phy())
    assert recording.units.ids == ("3", "7", "12")
    assert recording.activity.clock == 20000
    for times, expected in zip(read_back(recording.activity), spikes.values(), strict=True):
        np.testing.assert_allclose(times, expected, atol=0.5 / 20000)


def test_the_curators_group_goes_before_the_sorters_and_the_rest_is_unlabelled(write_phy):
    recording = read(write_phy(cluster_group_tsv="cluster_id\tgroup\n3\tgood\n99\tnoise\n"))
    assert recording.units.columns["group"].tolist() == ["good", "good", "unlabelled"]
    found = {f.what: f for f in recording.findings}
    assert (found["unlabelled_units"].count, found["rows_without_spikes"].count) == (1, 1)
    assert "12" in found["unlabelled_units"].message
    assert "99" in found["rows_without_spikes"].message


def test_all_tables_become_columns_with_numbers_where_they_are_numbers(write_phy):
    path = write_phy(
        cluster_info_tsv="cluster_id\tgroup\tdepth\tch\n3\tnoise\t20.5\t1\n12\tgood\t\t2\n",
        cluster_purity_csv="\ufeffcluster_id,purity\r\n3,0.5\r\n7,x\r\n",
        cluster_broken_tsv="name\tvalue\n3\t1\n",
    )
    recording = read(path)
    columns = recording.units.columns
    assert columns["group"].tolist() == ["good", "mua", "unlabelled"]  # not the noise of the older cluster_info
    np.testing.assert_array_equal(columns["depth"], [20.5, np.nan, np.nan])
    assert columns["purity"].tolist() == ["0.5", "x", ""]
    assert [f.what for f in recording.findings] == ["unused_table", "rows_without_spikes"]


def test_a_bare_kilosort_folder_is_read_with_its_templates(write_phy):
    times = np.array([[100], [200], [300]], np.uint64)
    templates = np.array([[1], [0], [1]], np.uint32)
    left_out = dict.fromkeys(("spike_clusters_npy", "cluster_group_tsv", "cluster_KSLabel_tsv"))
    path = write_phy(spike_times_npy=times, spike_templates_npy=templates, **left_out)
    recording = read(path)
    assert recording.units.ids == ("0", "1")
    assert recording.units.columns["group"].tolist() == ["unlabelled", "unlabelled"]
    assert recording.activity.spike_counts().tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64, np.uint64, np.float64, ">i8"])
def test_samples_stay_exact_in_every_type(write_phy, dtype):
    samples = np.array([5, 2**31 - 7, 2**31 - 6])
    path = write_phy(spike_times_npy=samples.astype(dtype), spike_clusters_npy=np.array([3, 7, 3]))
    ((ticks, codes),) = read(path).activity.blocks([2**40])
    np.testing.assert_array_equal(ticks, samples)
    np.testing.assert_array_equal(codes, [0, 1, 0])


def test_times_with_fractions_are_seconds(write_phy, spikes):
    path = write_phy(spike_times_npy=np.array([0.1, 0.25, 7.5]), spike_clusters_npy=np.array([3, 7, 3]))
    recording = read(path)
    assert (recording.start, recording.stop) == (pytest.approx(0.1), pytest.approx(7.5, abs=1e-4))


def test_params_are_parsed_and_never_run(write_phy, tmp_path):
    proof = tmp_path / "ran"
    path = write_phy(
        params_py=f"import pathlib\npathlib.Path({str(proof)!r}).touch()\nsample_rate = 20_000.0\n"
        f"x = __import__('pathlib').Path({str(proof)!r}).touch()\n"
    )
    recording = read(path)
    assert not proof.exists()
    assert recording.activity.clock == 20000
    (finding,) = [f for f in recording.findings if f.what == "ignored_params"]
    assert finding.count == 3


def test_the_session_tables_rate_goes_before_params(write_phy):
    recording = read(write_phy(), sampling_rate=25000)
    assert recording.activity.clock == 25000
    assert "other_rate" in {f.what for f in recording.findings}


def test_the_raw_file_in_the_folder_gives_the_span(write_phy):
    path = write_phy(none_dat=b"\0" * (2 * 4 * 20000 * 9))
    assert (read(path).start, read(path).stop) == (0.0, 9.0)  # spikes after 9 s are for the binning to count


def test_spikes_a_little_out_of_order_are_sorted(write_phy):
    path = write_phy(spike_times_npy=np.array([10, 500, 400, 900], np.uint64),
                     spike_clusters_npy=np.array([0, 1, 0, 1]))  # fmt: skip
    recording = read(path)
    ((ticks, codes),) = recording.activity.blocks([10**6])
    assert ticks.tolist() == [10, 400, 500, 900]
    assert codes.tolist() == [0, 0, 1, 1]
    assert "unsorted_spikes" in {f.what for f in recording.findings}


def test_cluster_numbers_that_no_sorter_gives_are_refused(write_phy):
    with pytest.raises(RecordingError, match=r"1 spikes .* cluster numbers outside"):
        read(write_phy(spike_times_npy=np.array([1, 2]), spike_clusters_npy=np.array([0, 2**40])))
