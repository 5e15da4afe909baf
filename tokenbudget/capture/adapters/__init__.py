"""Other people's front ends (LiteLLM, LangChain, LlamaIndex): they read answers by the providers' own rules."""
