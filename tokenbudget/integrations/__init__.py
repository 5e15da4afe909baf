"""Callbacks for frameworks that hide the client, such as LangChain and LlamaIndex."""
