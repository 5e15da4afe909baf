"""Callbacks for frameworks that hide the client, such as LangChain and LlamaIndex: the names that users import."""
