"""Direct logit attribution adds up to the logit difference, and a part's share is what its removal takes with the final norm held."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from llmwidgets.analysis.contributions.decompose import decompose
from llmwidgets.analysis.contributions.direct import direct_logit_attribution
from llmwidgets.analysis.contributions.unembedding import unembedding_of
from llmwidgets.capture import capture
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import REPLAYED, WITH_ATTENTION, build
from tests.unit.analysis.contributions.runs import CAUSAL, IDS, captured, given, logits, model

pytestmark = pytest.mark.usefixtures("floats_stay_double")

METRIC = Metric(17, foil=101, position=7)
FINAL = {
    "gpt2": "transformer.ln_f", "llama": "model.norm", "qwen3": "model.norm", "gemma2": "model.norm", "granite": "model.norm",
    "gpt_neox": "gpt_neox.final_layer_norm",
}  # fmt: skip


def read_out_held(name: str, stream: Tensor, whole: Tensor) -> float:
    """Target minus foil of `stream` (d_model,), with the final norm's statistics those of `whole`, written out by hand."""
    own = model(name)
    norm, gamma, beta = own.get_submodule(FINAL[name]), own.get_submodule(FINAL[name]).weight, 0.0
    if isinstance(norm, nn.LayerNorm):
        centred, scale, beta = stream - stream.mean(), (whole.var(unbiased=False) + norm.eps).sqrt(), norm.bias
    else:
        eps = norm.eps if hasattr(norm, "eps") else norm.variance_epsilon
        centred, scale = stream, (whole.pow(2).mean() + eps).sqrt()
        gamma = 1 + gamma if name == "gemma2" else gamma
    raw = own.get_output_embeddings()(gamma * centred / scale + beta).detach()
    return float(raw[17] - raw[101])


@pytest.mark.parametrize("name", CAUSAL)
def test_a_head_s_share_is_what_leaving_it_out_takes_with_the_norm_held(name: str) -> None:
    run = captured(name)
    shares, parts = direct_logit_attribution(run, METRIC), decompose(run, 7)
    whole = run["resid_post", -1][7]
    before = read_out_held(name, whole, whole)
    assert float(shares.total) == pytest.approx(before, abs=1e-10)
    for part, share in [("head 0.2", shares.heads[0, 2]), ("head 2.3", shares.heads[2, 3]), ("mlp 1", shares.mlp[1])]:
        without = whole - torch.as_tensor(parts.sel(part=part).values[0])
        assert float(share) == pytest.approx(before - read_out_held(name, without, whole), abs=1e-10)


@pytest.mark.parametrize("by", ["layer", "head", "position", "neuron"])
@pytest.mark.parametrize("name", [*WITH_ATTENTION, "lfm2", "openai-gpt"])
def test_all_shares_sum_to_the_logit_difference(name: str, by: str) -> None:
    if by == "position" and name in (*REPLAYED, "openai-gpt"):
        with pytest.raises(
            UndefinedHereError, match="attention of layer 0 does not use the attention interface, so its values are not seen"
        ):
            direct_logit_attribution(captured(name), METRIC, by=by)
        return
    if by == "neuron" and name in ("mixtral", "gpt_oss"):
        with pytest.raises(UndefinedHereError, match="no MLP of this model is seen to be one matrix of neurons"):
            direct_logit_attribution(captured(name), METRIC, by=by)
        return
    shares = direct_logit_attribution(captured(name), METRIC, by=by)
    total = sum(float(np.nansum(values)) for variable, values in shares.data_vars.items() if variable != "total")
    own = logits(name)[7]
    cap = getattr(model(name).config, "final_logit_softcapping", None)
    own = own if cap is None else cap * torch.atanh(own / cap)
    assert total == pytest.approx(float(own[17] - own[101]), abs=1e-9)
    assert float(shares.total) == pytest.approx(total, abs=1e-12)
    assert shares.attrs["closing_error"] < 1e-9
    assert shares.attrs["before_cap"] is (cap is not None)


@pytest.mark.parametrize("name", CAUSAL)
def test_the_finer_shares_sum_to_the_coarser(name: str) -> None:
    layer, head, position, neuron = (
        direct_logit_attribution(captured(name), METRIC, by=by) for by in ("layer", "head", "position", "neuron")
    )
    np.testing.assert_allclose(head.heads.sum("head") + head.bias, layer.attention, atol=1e-10)
    np.testing.assert_allclose(position.attention.sum("position"), head.heads.sum("head"), atol=1e-10)
    np.testing.assert_allclose(neuron.neurons.sum("neuron") + neuron.mlp_bias, layer.mlp, atol=1e-10)
    assert not position.attention[:, 8:].any()  # nothing comes from later tokens


@pytest.mark.parametrize("name", ["gpt2", "gemma2"])
def test_a_neuron_s_share_is_its_activation_times_its_output_weights_read_out(name: str) -> None:
    run, own = captured(name), model(name)
    mlp = own.transformer.h[2].mlp.c_proj if name == "gpt2" else own.model.layers[2].mlp.down_proj
    weight = mlp.weight if name == "gpt2" else mlp.weight.T
    written = given(name, "transformer.h.2.mlp.c_proj" if name == "gpt2" else "model.layers.2.mlp.down_proj")[7, 5] * weight[5]
    if name == "gemma2":
        norm, whole = own.model.layers[2].post_feedforward_layernorm, given(name, "model.layers.2.post_feedforward_layernorm")[7]
        written = written / (whole.pow(2).mean() + norm.eps).sqrt() * (1 + norm.weight)
    stream = run["resid_post", -1][7]
    expected = read_out_held(name, stream, stream) - read_out_held(name, stream - written, stream)
    assert float(direct_logit_attribution(run, METRIC, by="neuron").neurons[2, 5]) == pytest.approx(expected, abs=1e-10)


def test_before_a_cap_that_bends_the_shares_sum_to_what_goes_into_it() -> None:
    changes = {"final_logit_softcapping": 0.3}
    shares = direct_logit_attribution(captured("gemma2", **changes), METRIC)
    capped = logits("gemma2", **changes)[7]
    before = 0.3 * torch.atanh(capped / 0.3)
    assert shares.attrs["before_cap"] is True
    assert unembedding_of(captured("gemma2", **changes)).cap == 0.3
    assert float(shares.total) == pytest.approx(float(before[17] - before[101]), abs=1e-8)
    assert abs(float(shares.total) - float(capped[17] - capped[101])) > 0.01


@pytest.mark.parametrize(
    ("name", "changes", "factor"), [("granite", {"logits_scaling": 8.0}, 1 / 8), ("cohere", {"logit_scale": 0.0625}, 0.0625)]
)
def test_the_model_s_factor_on_its_logits_is_in_every_share(name: str, changes: dict[str, float], factor: float) -> None:
    shares = direct_logit_attribution(captured(name, **changes), METRIC)
    assert unembedding_of(captured(name, **changes)).factor == pytest.approx(factor, abs=1e-12)
    own = logits(name, **changes)[7]
    assert float(shares.total) == pytest.approx(float(own[17] - own[101]), abs=1e-10)
    plain = direct_logit_attribution(captured(name, **dict.fromkeys(changes, 1.0)), METRIC)
    np.testing.assert_allclose(shares.heads, factor * plain.heads, atol=1e-12)


@pytest.mark.parametrize("name", ["gpt2", "gptj"])
def test_a_target_alone_is_measured_against_the_mean_over_the_vocabulary(name: str) -> None:
    shares = direct_logit_attribution(captured(name), Metric(17, position=7))
    own = logits(name)[7]
    assert float(shares.total) == pytest.approx(float(own[17] - own.mean()), abs=1e-10)
    assert shares.attrs["metric"] == "logit('17') - mean logit at position 7"


def test_the_constant_is_the_final_beta_and_the_unembedding_s_bias() -> None:
    own = model("gptj")
    direction = own.lm_head.weight[17] - own.lm_head.weight[101]
    expected = (own.transformer.ln_f.bias @ direction + own.lm_head.bias[17] - own.lm_head.bias[101]).detach()
    shares = direct_logit_attribution(captured("gptj"), METRIC)
    assert float(shares.constant) == shares.attrs["constant"] == pytest.approx(float(expected), abs=1e-10)


def test_another_quantity_of_the_metric_is_taken_as_its_logit_difference() -> None:
    other = direct_logit_attribution(captured("gpt2"), Metric(17, 101, 7, quantity="probability"))
    assert other.identical(direct_logit_attribution(captured("gpt2"), METRIC))


def test_a_layer_without_attention_has_no_heads_and_a_mixer() -> None:
    shares = direct_logit_attribution(captured("lfm2"), METRIC)
    assert shares.heads[0].isnull().all() and shares.heads[1].notnull().all()
    assert shares.mixer[0] != 0 and shares.mixer[1] == 0


def test_a_result_says_what_it_is() -> None:
    attrs = direct_logit_attribution(captured("gpt2"), METRIC).attrs
    assert attrs["metric"] == "logit('17') - logit('101') at position 7"
    assert (attrs["evidence"], attrs["unit"], attrs["n_prompts"]) == ("attribution", "logits", 1)
    assert attrs["caveat"] == "Adds up exactly. Counts only the last hop."


def test_a_head_that_is_more_than_a_norm_is_refused_with_what_stands_there() -> None:
    with pytest.raises(UndefinedHereError, match=r"stands more than one norm \(cls.predictions.transform.dense, .*\), so the logits"):
        direct_logit_attribution(captured("bert"), METRIC)


def test_a_projection_before_the_unembedding_is_refused() -> None:
    run = capture(build("opt", torch.float64, word_embed_proj_dim=32), IDS)
    with pytest.raises(UndefinedHereError, match=r"more than one norm \(model.decoder.final_layer_norm, model.decoder.project_out\)"):
        direct_logit_attribution(run, METRIC)


@pytest.mark.parametrize(
    ("name", "by", "error", "sentence"),
    [
        ("mamba", "head", UndefinedHereError, "no block of this model has attention whose heads can be told apart"),
        ("gpt2", "token", ValueError, "by='token' came; expected one of layer, head, position, neuron"),
    ],
)
def test_what_cannot_be_divided_is_refused(name: str, by: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        direct_logit_attribution(captured(name), METRIC, by=by)
