"""The fields of requests: those that are let through, and why some are not.

OpenAI's own, and those that servers like vLLM and SGLang understand besides. A field that no list has is refused by
name: what is not known may have costs or a way out.
"""

from collections.abc import Mapping


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


SAMPLING = _words(
    "model user metadata safety_identifier seed stop stream stream_options temperature top_p frequency_penalty "
    "presence_penalty logit_bias n service_tier store prompt_cache_key prompt_cache_retention"
)
SERVERS = _words(  # of servers that speak OpenAI's API
    "top_k min_p typical_p repetition_penalty length_penalty min_tokens ignore_eos stop_token_ids skip_special_tokens "
    "spaces_between_special_tokens include_stop_str_in_output truncate_prompt_tokens add_special_tokens "
    "add_generation_prompt continue_final_message echo guided_json guided_regex guided_choice guided_grammar "
    "guided_decoding_backend guided_whitespace_pattern structured_outputs chat_template_kwargs bad_words "
    "return_tokens_as_token_ids return_token_ids prompt_logprobs allowed_token_ids regex ebnf json_schema "
    "separate_reasoning include_reasoning thinking"
)
CHAT = (
    SAMPLING
    | SERVERS
    | _words(
        "messages max_tokens max_completion_tokens tools tool_choice parallel_tool_calls functions function_call "
        "response_format logprobs top_logprobs reasoning_effort verbosity modalities"
    )
)
RESPONSES = _words(
    "model input instructions max_output_tokens max_tool_calls tools tool_choice parallel_tool_calls text reasoning "
    "include truncation temperature top_p top_logprobs stream stream_options metadata user safety_identifier "
    "prompt_cache_key prompt_cache_retention service_tier store"
)
COMPLETIONS = SAMPLING | SERVERS | _words("prompt suffix max_tokens logprobs best_of")
EMBEDDINGS = _words("model input dimensions encoding_format user truncate_prompt_tokens input_type")

UNBOUNDED = "what it costs cannot be bounded"
REFUSED: Mapping[str, str] = {
    "web_search_options": "it searches the web, and agents have no network",
    "background": "it would go on after the attempt",
    "previous_response_id": "nothing is stored with the provider; send the whole input",
    "conversation": "nothing is stored with the provider; send the whole input",
    "prompt": "nothing is stored with the provider; send the whole input",
    "prediction": UNBOUNDED,
    "audio": UNBOUNDED,
    "use_beam_search": UNBOUNDED,
}
